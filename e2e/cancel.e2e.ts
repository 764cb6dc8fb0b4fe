import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { newId } from '@sagamart/contracts/ids';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { assertRefused } from './refusal.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

/** A cancelled order has no money and no stock out any more. */
const isUndone = (order: { status: string; payment: { status: string }; stock: { status: string } }): boolean =>
  order.status === 'cancelled' &&
  ['voided', 'refunded', 'declined'].includes(order.payment.status) &&
  ['released', 'rejected', 'none'].includes(order.stock.status);

test('an order cancelled after its confirmation is refunded, its stock comes back and its customer is told again', async () => {
  const sku = await client.createProduct({ stock: 5 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 2 }], paymentMethod: 'tok_visa' });
  await client.orderWhere(token, orderId, ({ notifications }) => notifications.some(({ status }) => status === 'sent'));
  assert.equal(await client.available(sku), 3);

  const answer = await client.cancelOrder(token, orderId);
  assert.deepEqual([answer.status, answer.body], [202, { orderId, status: 'cancelled' }]);
  const isToldTwice = (notifications: readonly { status: string }[]): boolean =>
    notifications.filter(({ status }) => status === 'sent').length === 2;
  const order = await client.orderWhere(
    token,
    orderId,
    (each) => each.payment.status === 'refunded' && each.stock.status === 'released' && isToldTwice(each.notifications),
  );
  assert.equal(order.status, 'cancelled');
  assert.equal(order.reason, 'customer_cancelled');
  assert.deepEqual(
    order.notifications.map(({ outcome }) => outcome),
    ['confirmed', 'cancelled'],
  );
  assert.equal(await client.available(sku), 5);

  await waitForRest(books);
  const types = (await client.readTimeline(token, orderId)).map(({ type }) => type);
  const told = ['order.confirmed', 'order.cancelled', 'stock.released', 'payment.refunded'];
  assert.deepEqual(types.filter((type) => told.includes(type)).toSorted(), told.toSorted());
  assert.ok(types.indexOf('order.cancelled') < types.indexOf('payment.refunded'));
});

for (const delayMs of [0, 5, 20, 50, 100, 200]) {
  test(`twenty orders cancelled ${delayMs} ms after they were placed cost nobody anything`, async () => {
    const orders = 20;
    const sku = await client.createProduct({ stock: orders });
    const { token: racer } = await client.openSession({ email: 'grace@example.com' });
    const cancelSoon = async (): Promise<string> => {
      const { orderId } = await client.placeOrder(racer, {
        lines: [{ sku, quantity: 1 }],
        paymentMethod: 'tok_visa',
      });
      await pause(delayMs);
      assert.equal((await client.cancelOrder(racer, orderId)).status, 202);
      return orderId;
    };
    const orderIds = await Promise.all(Array.from({ length: orders }, cancelSoon));
    for (const orderId of orderIds) {
      const { reason } = await client.orderWhere(racer, orderId, isUndone, 60_000);
      assert.equal(reason, 'customer_cancelled');
    }
    assert.equal(await client.available(sku), orders);
  });
}

test('an order cancelled again and again is cancelled once, and every answer says so', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  const together = await Promise.all(Array.from({ length: 10 }, () => client.cancelOrder(token, orderId)));
  await client.orderWhere(token, orderId, isUndone);
  for (const answer of [...together, await client.cancelOrder(token, orderId)])
    assert.deepEqual([answer.status, answer.body], [202, { orderId, status: 'cancelled' }]);

  await waitForRest(books);
  const types = (await client.readTimeline(token, orderId)).map(({ type }) => type);
  assert.equal(types.filter((type) => type === 'order.cancelled').length, 1);
});

test('an order that was cancelled for another reason keeps it when its customer cancels too', async () => {
  const sku = await client.createProduct({ stock: 1 });
  for (const [paymentMethod, quantity, reason] of [
    ['tok_declined', 1, 'payment_declined'],
    ['tok_visa', 2, 'out_of_stock'],
  ] as const) {
    const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity }], paymentMethod });
    await client.orderWhere(token, orderId, isUndone);
    assert.equal((await client.cancelOrder(token, orderId)).status, 202);
    assert.equal((await client.orderWhere(token, orderId, isUndone)).reason, reason);
  }
});

test('an order cancelled while a slow provider is being asked ends without money or stock out', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_slow' });
  await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'capturing');
  assert.equal((await client.cancelOrder(token, orderId)).status, 202);
  const { payment } = await client.orderWhere(token, orderId, ({ status }) => status === 'cancelled');
  assert.ok(['voiding', 'voided', 'refunding', 'refunded'].includes(payment.status), payment.status);
  await client.orderWhere(token, orderId, isUndone);
  assert.equal(await client.available(sku), 1);
});

test('an operator cancels for a customer', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  assert.equal((await client.cancelOrder(await client.operatorToken(), orderId)).status, 202);
  await client.orderWhere(token, orderId, isUndone);
});

test("somebody else's order and an order there is not cannot be cancelled, and neither is given away", async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  const { token: stranger } = await client.openSession();
  assertRefused(await client.cancelOrder(stranger, orderId), { status: 404, code: 'not_found' });
  assertRefused(await client.cancelOrder(token, newId()), { status: 404, code: 'not_found' });
  assertRefused(await client.cancelOrder(token, 'not-an-order'), { status: 400, pointer: '/params/orderId' });
  assertRefused(await client.call('POST', `/v1/orders/${orderId}/cancel`), { status: 401 });
  assert.equal((await client.orderWhere(token, orderId, ({ status }) => status !== 'pending')).status, 'confirmed');
});

test('an order confirmed too long ago is not cancelled any more', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  await client.orderWhere(token, orderId, ({ stock }) => stock.status === 'committed');
  await confirmedADayAgo(orderId);
  assertRefused(await client.cancelOrder(token, orderId), { status: 409, code: 'cancel_window_closed' });
  assert.equal((await client.orderWhere(token, orderId, () => true)).status, 'confirmed');
  assert.equal(await client.available(sku), 0);
});

/** Nobody waits for the window of a real shop to close. */
async function confirmedADayAgo(orderId: string): Promise<void> {
  const database = new Client({ connectionString: ownerUrl(shop, 'order') });
  await database.connect();
  try {
    const sql = "update orders set confirmed_at = confirmed_at - interval '1 day' where order_id = $1";
    assert.equal((await database.query(sql, [orderId])).rowCount, 1);
  } finally {
    await database.end();
  }
}
