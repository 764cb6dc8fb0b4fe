import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { controlPart } from '@sagamart/stack/shop';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();

const orders = 30;
const cancelDeadlineMs = 30_000;
const pollMs = 500;

for (const part of ['inventory', 'payment', 'notification', 'order'] as const) {
  test(`a crash of ${part} in the middle of ${orders} orders loses none of them and does nothing twice`, async () => {
    const sku = await client.createProduct({ stock: orders });
    const { token } = await client.openSession({ email: 'ada@example.com' });
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const placed = await Promise.all(Array.from({ length: orders }, () => client.placeOrder(token, order)));
    await controlPart(shop.home, part, 'kill');
    for (const { orderId } of placed) {
      const { status } = await client.orderWhere(token, orderId, (each) => each.status !== 'pending', 60_000);
      assert.equal(status, 'confirmed');
    }
    assert.equal(await client.available(sku), 0);
  });
}

for (const part of ['order', 'payment', 'inventory', 'psp', 'connect', 'kafka'] as const) {
  test(`a crash of ${part} while orders are placed and cancelled leaves no money and no stock out`, async () => {
    const sku = await client.createProduct({ stock: orders });
    const { token } = await client.openSession({ email: 'grace@example.com' });
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const placed = await Promise.all(Array.from({ length: orders }, () => client.placeOrder(token, order)));
    const orderIds = placed.map(({ orderId }) => orderId);
    const cancelled = orderIds.slice(orders / 2);
    await Promise.all([
      controlPart(shop.home, part, 'kill'),
      ...cancelled.map((orderId) => cancelUntilAnswered(token, orderId)),
    ]);
    for (const orderId of orderIds.slice(0, orders / 2)) {
      const { status } = await client.orderWhere(token, orderId, (each) => each.status !== 'pending', 60_000);
      assert.equal(status, 'confirmed');
    }
    for (const orderId of cancelled)
      await client.orderWhere(
        token,
        orderId,
        ({ payment, stock }) => ['voided', 'refunded'].includes(payment.status) && stock.status === 'released',
        60_000,
      );
    assert.equal(await client.available(sku), orders / 2);
  });
}

/** To cancel is safe to repeat: an order is cancelled once. */
async function cancelUntilAnswered(token: string, orderId: string): Promise<void> {
  const deadline = Date.now() + cancelDeadlineMs;
  for (;;) {
    const answer = await client.cancelOrder(token, orderId);
    if (answer.status === 202) return;
    assert.ok([429, 503].includes(answer.status), answer.text);
    assert.ok(Date.now() < deadline, `order ${orderId} could not be cancelled within ${cancelDeadlineMs} ms`);
    await pause(pollMs);
  }
}
