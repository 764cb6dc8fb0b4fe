import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { dataSchemaOf } from '@sagamart/contracts/cloud-event';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { packWithEveryCodec } from '@sagamart/test-kit/record-packing';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel, type Message } from 'kafkajs';
import { enterShop } from './shop-under-test.ts';

packWithEveryCodec();

const { client, shop, books } = await enterShop();
const { token } = await client.openSession();
const operator = await client.operatorToken();
const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
const [producer, admin] = [kafka.producer({ allowAutoTopicCreation: false }), kafka.admin()];
await Promise.all([producer.connect(), admin.connect()]);
after(() => Promise.all([producer.disconnect(), admin.disconnect()]));

const restWithinMs = 15_000;
const mebibyte = 1024 * 1024;

type Parked = { id: string; service: string; reason: string; error: string };

/** A record of a type that nobody knows, which is right in everything else. */
function unknownEvent(changes: { value?: Buffer | string; headers?: Record<string, string> } = {}): Message {
  const key = newId<OrderId>();
  const type = 'order.audited';
  const headers = {
    ...{ ce_id: newId<EventId>(), ce_type: type, ce_source: '/e2e', ce_subject: key, ce_correlationid: key },
    ...{ ce_time: new Date().toISOString(), ce_specversion: '1.0', ce_aggregateversion: '1', ce_lamport: '1' },
    ...{
      ce_dataschema: dataSchemaOf('order.placed').replace('order.placed', type),
      'content-type': 'application/json',
    },
  };
  return { key, value: changes.value ?? '{}', headers: { ...headers, ...changes.headers } };
}

async function parked(): Promise<Parked[]> {
  const { body } = await client.call('GET', '/v1/parked-messages?limit=100', { token: operator });
  return (body as { items: Parked[] }).items;
}

/** Waits for these to be parked, one by each service, and discards them. */
async function discardParked(reason: string, services: readonly string[]): Promise<readonly Parked[]> {
  const found = await waitUntil(
    `what is ${reason} to be listed`,
    async () => {
      const those = (await parked()).filter((each) => each.reason === reason);
      return those.length === services.length && those;
    },
    restWithinMs,
  );
  assert.deepEqual(found.map(({ service }) => service).toSorted(), services.toSorted());
  // The first of its key comes first.
  for (const { id } of found.toReversed()) {
    const body = { reason: 'nobody can read it' };
    const { status, text } = await client.call('POST', `/v1/parked-messages/${id}/discard`, { token: operator, body });
    assert.equal(status, 200, text);
  }
  return found;
}

async function buyWithin(deadlineMs: number): Promise<void> {
  const sku = await client.createProduct({ stock: 12 });
  const sinceMs = Date.now();
  for (let n = 0; n < 12; n += 1) {
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const { orderId } = await client.placeOrder(token, order);
    await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
  }
  assert.ok(Date.now() - sinceMs < deadlineMs, `twelve orders took ${Date.now() - sinceMs} ms`);
}

test('a topic that is set to pack what it is given, and records packed with what no producer of ours uses, are read like any other', async () => {
  const isOfTopic = (value: string) => ({
    ...{ type: ConfigResourceTypes.TOPIC, name: 'order.events' },
    configEntries: [...topicConfig, { name: 'compression.type', value }],
  });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'order.events' }],
  });
  const topicConfig = (resources[0]?.configEntries ?? [])
    .filter(({ isDefault, configName }) => !isDefault && configName !== 'compression.type')
    .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
  try {
    for (const codec of ['lz4', 'snappy', 'zstd', 'gzip']) {
      await admin.alterConfigs({ validateOnly: false, resources: [isOfTopic(codec)] });
      await buyWithin(restWithinMs);
    }
  } finally {
    await admin.alterConfigs({ validateOnly: false, resources: [isOfTopic('producer')] });
  }
});

test('what is small and would be large unpacked, or has headers without end, is set aside by all who read it, and orders go on', async () => {
  const before = await books.look();
  const bomb = unknownEvent({ value: Buffer.alloc(30 * mebibyte, 0x20) });
  await producer.send({ topic: 'order.events', compression: CompressionTypes.GZIP, messages: [bomb] });
  const zstdBomb = unknownEvent({ value: Buffer.alloc(30 * mebibyte, 0x20) });
  await producer.send({ topic: 'payment.events', compression: CompressionTypes.ZSTD, messages: [zstdBomb] });
  const headers = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`retry-${index}`, 'x']));
  await producer.send({ topic: 'payment.events', messages: [unknownEvent({ headers })] });
  await buyWithin(restWithinMs);
  assert.equal((await books.look()).unreadable.length - before.unreadable.length, 3);
  const large = await discardParked('too_large', ['inventory', 'notification', 'order', 'payment']);
  assert.match(large[0]?.error ?? '', /1 records of \d+ bytes/);
  await discardParked('headers_too_large', ['order']);
});

test("somebody's transactions, committed, aborted or left open, keep neither orders nor the audit waiting", async () => {
  const left: (() => Promise<void>)[] = [];
  for (const end of ['commit', 'abort', 'leave open'] as const) {
    const transactional = kafka.producer({
      ...{ transactionalId: `e2e ${newId<EventId>()}`, idempotent: true, maxInFlightRequests: 1 },
      transactionTimeout: 60_000,
    });
    await transactional.connect();
    const transaction = await transactional.transaction();
    // No event, so that it has to be listed; on each partition, so that every order would be behind it.
    const messages = [0, 1, 2, 3, 4, 5].map((partition) => ({ key: end, value: end, partition }));
    await transaction.send({ topic: 'payment.events', messages });
    if (end === 'commit') await transaction.commit();
    if (end === 'abort') await transaction.abort();
    left.push(async () => {
      if (end === 'leave open') await transaction.abort();
      await transactional.disconnect();
    });
  }
  await buyWithin(restWithinMs);
  assert.deepEqual((await books.look()).unread, []);
  for (const end of left) await end();
  await discardParked(
    'invalid_id',
    Array.from({ length: 18 }, () => 'order'),
  );
});
