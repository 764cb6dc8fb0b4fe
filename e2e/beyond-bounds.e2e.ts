import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOf, recordOf } from '@sagamart/test-kit/event-builder';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });
const operator = await client.operatorToken();
const dayMs = 86_400_000;

async function confirmedOrder() {
  const sku = await client.createProduct({ stock: 3 });
  const placed = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  await client.orderWhere(token, placed.orderId, ({ status }) => status === 'confirmed');
  return { sku, orderId: placed.orderId as OrderId, totalMinor: placed.totalMinor };
}

type Confirmed = Awaited<ReturnType<typeof confirmedOrder>>;

/** A payment.captured of the order that payment did not say: an order that is confirmed learns nothing from it. */
async function repeatCaptured({ orderId, totalMinor }: Confirmed, headers: Record<string, string>): Promise<void> {
  const data = { orderId, captureId: 'forged', amountMinor: totalMinor, currency: 'EUR' } as const;
  const { topic, key, value, headers: ours } = recordOf(eventOf({ type: 'payment.captured', data }));
  const given = Object.entries({ ...ours, ...headers }).filter(
    (each): each is [string, string] => each[1] !== undefined,
  );
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({
      topic,
      messages: [{ key, value, headers: Object.fromEntries(given) }],
      compression: CompressionTypes.GZIP,
    });
  } finally {
    await producer.disconnect();
  }
}

/** Waits until the order service, which alone reads payment.events, has parked a message of the order, and gives back its id. */
async function parkedOf(orderId: OrderId, reason: string): Promise<string> {
  const look = async (): Promise<string | undefined> => {
    const { body } = await client.call('GET', '/v1/parked-messages?limit=100&status=parked', { token: operator });
    const { items } = body as { items: { id: string; key: string; reason: string }[] };
    return items.find((each) => each.key === orderId && each.reason === reason)?.id;
  };
  return waitUntil(`${reason} at the order service`, look, 30_000);
}

async function act(id: string, what: 'replay' | 'discard'): Promise<void> {
  const options = what === 'discard' ? { token: operator, body: { reason: 'a forgery' } } : { token: operator };
  const answer = await client.call('POST', `/v1/parked-messages/${id}/${what}`, options);
  assert.equal((answer.body as { status: string }).status, `${what}ed`, answer.text);
}

for (const { what, headers, reason } of [
  { what: 'the highest Lamport time', headers: { ce_lamport: '999999999999999' }, reason: 'invalid_headers' },
  {
    what: 'a correlation id that no outbox could publish',
    headers: { ce_correlationid: 'c'.repeat(900_000) },
    reason: 'headers_too_large',
  },
  {
    what: 'a correlation id that is longer than any of ours',
    headers: { ce_correlationid: 'c'.repeat(256) },
    reason: 'invalid_headers',
  },
])
  test(`${what} is not believed: the order is cancelled, its money and stock come back, and an operator settles the forgery`, async () => {
    const order = await confirmedOrder();
    await repeatCaptured(order, headers);
    const parked = await parkedOf(order.orderId, reason);
    const { status } = await client.call('POST', `/v1/orders/${order.orderId}/cancel`, { token });
    assert.equal(status, 202);
    await client.orderWhere(
      token,
      order.orderId,
      ({ payment, stock }) => payment.status === 'refunded' && stock.status === 'released',
    );
    await act(parked, 'discard');
    assert.equal(await client.available(order.sku), 3);
  });

test('what a clock minted that was two days ahead is settled by its replay', async () => {
  const order = await confirmedOrder();
  const hex = (Date.now() + 2 * dayMs).toString(16).padStart(12, '0');
  await repeatCaptured(order, { ce_id: `${hex.slice(0, 8)}-${hex.slice(8)}${newId<EventId>().slice(13)}` });
  await act(await parkedOf(order.orderId, 'outside_window'), 'replay');
});

test('a day that an outbox and an inbox have no partition for is put back by the first order that needs it', async () => {
  const owner = new Client({ connectionString: ownerUrl(shop, 'inventory') });
  await owner.connect();
  try {
    for (const table of ['inbox', 'outbox'])
      await owner.query(`do $$ begin execute format('alter table ${table} detach partition %I',
        '${table}_' || to_char(now() at time zone 'utc', 'YYYY_MM_DD')); end $$`);
  } finally {
    await owner.end();
  }
  await confirmedOrder();
});
