import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadSpan } from '@sagamart/test-kit/trace-reader';
import { waitForLedger } from '../provider-controls.ts';
import { enterShop } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from './spans.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

const event = (type: string, way: { from: string; to: string[] }): string[] =>
  way.to.flatMap((service) => [
    `${way.from} → ${service}: ${type} in outbox`,
    `${way.from} → ${service}: ${type} in topic`,
    `${way.from} → ${service}: process ${type}`,
  ]);

const placed = [
  'outside → gateway: POST /v1/orders',
  'gateway: POST /v1/orders → gateway: EVAL',
  'gateway: POST /v1/orders → gateway: POST order',
  'gateway: POST order → order: POST /orders',
  'order: POST /orders → order: transaction',
  ...event('order.placed', { from: 'order: POST /orders', to: ['inventory', 'payment', 'notification'] }),
];
const reserved = event('stock.reserved', { from: 'inventory: process order.placed', to: ['order', 'payment'] });
const asked = (what: string, route: string, from: string): string[] => [
  `${from} → payment: ask provider: ${what}`,
  `payment: ask provider: ${what} → payment: POST provider`,
  `payment: POST provider → psp-simulator: POST ${route}`,
  `payment: ask provider: ${what} → payment: transaction`,
];
const capturing = asked('capturing', '/v1/captures', 'payment: process stock.reserved');
const told = (outcome: string): string[] => [
  `notification: process ${outcome} → notification: send mail`,
  ...event('notification.sent', { from: 'notification: send mail', to: ['order'] }),
];
const everyone = ['inventory', 'payment', 'notification'];
const confirmed = [
  ...placed,
  ...reserved,
  ...capturing,
  ...event('payment.captured', { from: 'payment: ask provider: capturing', to: ['order'] }),
  ...event('order.confirmed', { from: 'order: process payment.captured', to: everyone }),
  ...event('stock.committed', { from: 'inventory: process order.confirmed', to: ['order', 'payment'] }),
  ...told('order.confirmed'),
];
const undone = [
  'order: POST /orders → order: cancel order',
  ...event('order.cancelled', { from: 'order: cancel order', to: everyone }),
  ...event('stock.released', { from: 'inventory: process order.cancelled', to: ['order', 'payment'] }),
  ...asked('refunding', '/v1/refunds', 'payment: process order.cancelled'),
  ...event('payment.refunded', { from: 'payment: ask provider: refunding', to: ['order'] }),
  ...told('order.cancelled'),
];

async function place(order: { stock: number; paymentMethod: string }) {
  const sku = await client.createProduct({ stock: order.stock });
  const { paymentMethod } = order;
  const answer = await client.sendOrder(token, { lines: [{ sku, quantity: 2 }], paymentMethod });
  assert.equal(answer.status, 202);
  return { traceId: traceIdOfAnswer(answer), orderId: client.accepted.at(-1) ?? '' };
}

/** The trace holds exactly these edges, however often each. */
async function assertEdges(traceId: string, expected: readonly string[]) {
  const edges = (spans: readonly ReadSpan[]) => new Set(edgesOf(spans).filter((edge) => !isHandling.test(edge)));
  const spans = await traceWhere(traceId, (found) => expected.every((edge) => edges(found).has(edge)));
  assert.deepEqual([...edges(spans)].toSorted(), [...new Set(expected)].toSorted());
  for (const message of spans.filter(({ kind }) => kind === 'CONSUMER')) {
    const inItself = spans.some(({ name, parentId }) => name === 'transaction' && parentId === message.spanId);
    assert.ok(
      inItself || message.links.length === 1,
      `${message.name} has a transaction, or a link to that of its batch`,
    );
  }
  return spans;
}

// Two messages that come together share a transaction.
const isHandling = /process \S+ → \w+: transaction$/;

test('a confirmed order is one trace, from the click to the mail, through outbox, topic and provider', async () => {
  const { traceId } = await place({ stock: 2, paymentMethod: 'tok_visa' });
  await assertEdges(traceId, confirmed);
});

test('an order that is out of stock is one trace: its rejection cancels it and voids its payment', async () => {
  const { traceId } = await place({ stock: 1, paymentMethod: 'tok_visa' });
  await assertEdges(traceId, [
    ...placed,
    ...event('stock.rejected', { from: 'inventory: process order.placed', to: ['order', 'payment'] }),
    ...event('order.cancelled', { from: 'order: process stock.rejected', to: everyone }),
    ...event('payment.voided', { from: 'payment: process order.cancelled', to: ['order'] }),
    ...told('order.cancelled'),
  ]);
});

test('an order whose payment is declined is one trace: the refusal cancels it and frees its stock', async () => {
  const { traceId } = await place({ stock: 2, paymentMethod: 'tok_declined' });
  await assertEdges(traceId, [
    ...placed,
    ...reserved,
    ...capturing,
    ...event('payment.declined', { from: 'payment: ask provider: capturing', to: ['order'] }),
    ...event('order.cancelled', { from: 'order: process payment.declined', to: everyone }),
    ...event('stock.released', { from: 'inventory: process order.cancelled', to: ['order', 'payment'] }),
    ...told('order.cancelled'),
  ]);
});

test('a cancellation by the customer runs in the trace of the order, with a link to the request', async () => {
  const { traceId, orderId } = await place({ stock: 2, paymentMethod: 'tok_visa' });
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
  const answer = await client.cancelOrder(token, orderId);
  const spans = await assertEdges(traceId, [...confirmed, ...undone]);
  const [link] = spans.find(({ name }) => name === 'cancel order')?.links ?? [];
  assert.equal(link?.traceId, traceIdOfAnswer(answer));
  assert.notEqual(link.traceId, traceId);
});

test('an order that is cancelled while its capture is under way is one trace: the void finds the money taken, and it is refunded', async () => {
  const { traceId, orderId } = await place({ stock: 2, paymentMethod: 'tok_slow' });
  await waitForLedger(shop, orderId, 'capture');
  assert.equal((await client.cancelOrder(token, orderId)).status, 202);
  await assertEdges(traceId, [
    ...placed,
    ...reserved,
    ...capturing,
    ...asked('voiding', '/v1/voids', 'payment: process order.cancelled'),
    ...event('payment.captured', { from: 'payment: ask provider: voiding', to: ['order'] }),
    ...undone,
  ]);
});
