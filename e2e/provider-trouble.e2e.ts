import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitForLedger, withTrouble } from './provider-controls.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

for (const [paymentMethod, what] of [
  ['tok_slow', 'takes seconds to answer'],
  ['tok_lost_reply', 'captures and loses its first reply'],
  ['tok_flaky', 'fails at first'],
] as const) {
  test(`an order is confirmed and paid once although the provider ${what}`, async () => {
    const sku = await client.createProduct({ stock: 1 });
    const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod });
    const order = await client.orderWhere(token, orderId, ({ status }) => status !== 'pending');
    assert.equal(order.status, 'confirmed');
    assert.equal(order.payment.status, 'captured');
    assert.equal(await client.available(sku), 0);
  });
}

test('orders placed while the provider is down are confirmed when it is back', async () => {
  const sku = await client.createProduct({ stock: 5 });
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  const placed = await withTrouble(shop, { down: true }, async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => client.placeOrder(token, order)));
    for (const { orderId } of all) await client.orderWhere(token, orderId, isBeingCaptured);
    return all;
  });
  for (const { orderId } of placed) {
    const { status } = await client.orderWhere(token, orderId, (each) => each.status !== 'pending');
    assert.equal(status, 'confirmed');
  }
});

test('an order cancelled while the provider is down is voiding until the provider says what became of it', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const orderId = await withTrouble(shop, { down: true }, async () => {
    const placed = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
    await client.orderWhere(token, placed.orderId, isBeingCaptured);
    assert.equal((await client.cancelOrder(token, placed.orderId)).status, 202);
    // The stock does not wait for the money.
    const order = await client.orderWhere(token, placed.orderId, ({ stock }) => stock.status === 'released');
    assert.equal(order.payment.status, 'voiding');
    return placed.orderId;
  });
  await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'voided');
  assert.equal(await client.available(sku), 1);
});

test('an order cancelled while a capture is unknown is refunded, for the provider had captured', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const orderId = await withTrouble(shop, { lostReplies: lostForNow }, async () => {
    const placed = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
    await client.orderWhere(token, placed.orderId, isBeingCaptured);
    await waitForLedger(shop, placed.orderId, 'capture');
    assert.equal((await client.cancelOrder(token, placed.orderId)).status, 202);
    await client.orderWhere(token, placed.orderId, ({ status }) => status === 'cancelled');
    return placed.orderId;
  });
  await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'refunded');
});

test('twenty orders of a provider that fails half of all calls end as they must, ten of them cancelled meanwhile', async () => {
  const orders = 20;
  const sku = await client.createProduct({ stock: orders });
  const { token: racer } = await client.openSession({ email: 'grace@example.com' });
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  const [kept, cancelled] = await withTrouble(shop, { errorRate: 0.5, latencyMs: 50 }, async () => {
    const placed = await Promise.all(Array.from({ length: orders }, () => client.placeOrder(racer, order)));
    const orderIds = placed.map(({ orderId }) => orderId);
    for (const orderId of orderIds)
      await client.orderWhere(racer, orderId, ({ payment }) => payment.status !== 'waiting');
    const toCancel = orderIds.slice(orders / 2);
    for (const orderId of toCancel) assert.equal((await client.cancelOrder(racer, orderId)).status, 202);
    return [orderIds.slice(0, orders / 2), toCancel];
  });
  for (const orderId of kept)
    await client.orderWhere(
      racer,
      orderId,
      ({ status, stock }) => status === 'confirmed' && stock.status === 'committed',
    );
  for (const orderId of cancelled)
    await client.orderWhere(
      racer,
      orderId,
      ({ payment, stock }) => ['voided', 'refunded'].includes(payment.status) && stock.status === 'released',
    );
  assert.equal(await client.available(sku), orders / 2);
});

/** More replies than are asked for while a test waits. */
const lostForNow = 1_000;

function isBeingCaptured({ payment }: { payment: { status: string } }): boolean {
  return payment.status === 'capturing';
}
