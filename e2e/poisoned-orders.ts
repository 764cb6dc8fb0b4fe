import assert from 'node:assert/strict';
import { dataSchemaOf } from '@sagamart/contracts/cloud-event';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { serviceNames } from '@sagamart/contracts/topics';
import { readShopStatus, type Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import type { ShopUnderTest } from './shop-under-test.ts';

const inFlight = 10;
const dayMs = 86_400_000;

/** What is parked and nothing else: `readUnmet` of a shop that is at rest but for it. */
const fourParked = ['order: 4 messages are parked'];

/**
 * Places orders through the gateway with four messages that cannot be handled amid them, each of its own kind and under a key of its own. Resolves with the
 * seconds from the last order's acceptance until all orders are at rest and exactly those four are parked; then an operator has discarded them.
 */
export async function placeAmidPoison(
  { client, shop, books }: ShopUnderTest,
  { orders, deadlineMs }: { /** A multiple of 20. */ orders: number; deadlineMs: number },
): Promise<number> {
  const sku = await client.createProduct({ stock: orders });
  const customers = await Promise.all(Array.from({ length: inFlight }, () => client.openSession()));
  const fromMs = Date.now() - dayMs;
  const before = await readConsumers(shop);
  const placed = new Map<string, string>();
  const place = async (token: string): Promise<void> => {
    const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
    placed.set(orderId, token);
  };
  const placeHalf = async (): Promise<void> => {
    await Promise.all(
      customers.map(async ({ token }) => {
        for (let n = 0; n < orders / 2 / inFlight; n += 1) await place(token);
      }),
    );
  };
  await placeHalf();
  await Promise.all([placeHalf(), writePoison(shop)]);
  const lastPlacedAtMs = Date.now();

  const isAtRest = async () => {
    const unmet = await books.readUnmet({ fromMs, beforeMs: Date.now() + dayMs });
    return JSON.stringify(unmet) === JSON.stringify(fourParked);
  };
  await waitUntil(`${orders} orders at rest and four messages parked`, isAtRest, deadlineMs);
  const seconds = (Date.now() - lastPlacedAtMs) / 1_000;
  await discardParked(client);
  for (const [orderId, token] of placed)
    assert.equal((await client.orderWhere(token, orderId, () => true)).status, 'confirmed');
  assert.deepEqual(await readConsumers(shop), before, 'no service and no member of a group was restarted');
  return seconds;
}

/** Four messages for the order service alone: no JSON, data that breaks its schema, a version of the future, news of an order that does not exist. */
async function writePoison(shop: Shop): Promise<void> {
  const messages = [
    poison({ value: '{"orderId":' }),
    poison({ value: '{"orderId":1}' }),
    poison({ dataSchema: 'https://sagamart.example/schemas/payment.declined/2' }),
    poison({}),
  ];
  const producer = kafkaOf(shop).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic: 'payment.events', messages });
  } finally {
    await producer.disconnect();
  }
}

function poison({ value, dataSchema }: { value?: string; dataSchema?: string }) {
  const orderId = newId<OrderId>();
  const headers = {
    ...{ ce_id: newId<EventId>(), ce_type: 'payment.declined', ce_source: '/payment', ce_subject: orderId },
    ...{ ce_time: new Date().toISOString(), ce_specversion: '1.0', ce_correlationid: orderId },
    ...{ ce_aggregateversion: '1', ce_lamport: '1', 'content-type': 'application/json' },
    ce_dataschema: dataSchema ?? dataSchemaOf('payment.declined'),
  };
  return { key: orderId, value: value ?? JSON.stringify({ orderId, declineReason: 'no_funds' }), headers };
}

/** The services' processes, and the members of their groups. */
export async function readConsumers(shop: Shop): Promise<unknown> {
  const { parts } = await readShopStatus(shop.home);
  const processes = parts
    .filter(({ name }) => serviceNames.some((service) => service === name))
    .map(({ name, since }) => `${name} ${since}`);
  const admin = kafkaOf(shop).admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([...serviceNames]);
    return {
      processes,
      groups: groups.map(({ groupId, members }) => [groupId, members.map(({ memberId }) => memberId)]),
    };
  } finally {
    await admin.disconnect();
  }
}

async function discardParked(client: ShopUnderTest['client']): Promise<void> {
  const token = await client.operatorToken();
  const answer = await client.call('GET', '/v1/parked-messages?limit=100&status=parked', { token });
  const { items } = answer.body as { items: { id: string; reason: string }[] };
  const reasons = items.map(({ reason }) => reason).toSorted();
  assert.deepEqual(reasons, ['invalid_data', 'invalid_data', 'unknown_major_version', 'unreachable']);
  for (const { id } of items) {
    const body = { reason: 'poison of a test' };
    const { status, text } = await client.call('POST', `/v1/parked-messages/${id}/discard`, { token, body });
    assert.equal(status, 200, text);
  }
}

function kafkaOf(shop: Shop): Kafka {
  return new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
}
