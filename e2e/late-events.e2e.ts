import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlPart } from '@sagamart/stack/shop';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

const orders = 10;

for (const part of ['inventory', 'payment', 'notification'] as const) {
  test(`${part} hears of ${orders} orders only when half of them were cancelled, and does what is left to do`, async () => {
    const sku = await client.createProduct({ stock: orders });
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    await controlPart(shop.home, part, 'stop');
    let kept: string[] = [];
    let cancelled: string[] = [];
    try {
      const placed = await Promise.all(Array.from({ length: orders }, () => client.placeOrder(token, order)));
      const orderIds = placed.map(({ orderId }) => orderId);
      [kept, cancelled] = [orderIds.slice(0, orders / 2), orderIds.slice(orders / 2)];
      for (const orderId of cancelled) assert.equal((await client.cancelOrder(token, orderId)).status, 202);
    } finally {
      await controlPart(shop.home, part, 'start');
    }
    for (const orderId of kept)
      await client.orderWhere(
        token,
        orderId,
        ({ status, stock }) => status === 'confirmed' && stock.status === 'committed',
      );
    for (const orderId of cancelled)
      await client.orderWhere(
        token,
        orderId,
        ({ payment, stock, notifications }) =>
          ['voided', 'refunded'].includes(payment.status) &&
          stock.status === 'released' &&
          notifications.some(({ outcome }) => outcome === 'cancelled'),
      );
    assert.equal(await client.available(sku), orders / 2);
  });
}

test('a price that changes while an order is under way is not the price of that order', async () => {
  const sku = await client.createProduct({ stock: 2, priceMinor: 1_250 });
  await controlPart(shop.home, 'payment', 'stop');
  const order = { lines: [{ sku, quantity: 2 }], paymentMethod: 'tok_visa' };
  const placed = await client.placeOrder(token, order);
  try {
    const body = { name: 'Stoneware mug', description: 'Dearer now.', priceMinor: 9_999, currency: 'EUR' };
    const changed = await client.call('PUT', `/v1/products/${sku}`, { token: await client.operatorToken(), body });
    assert.ok([200, 202].includes(changed.status), changed.text);
  } finally {
    await controlPart(shop.home, 'payment', 'start');
  }
  const { status, totalMinor } = await client.orderWhere(token, placed.orderId, (each) => each.status !== 'pending');
  assert.deepEqual([status, totalMinor], ['confirmed', 2_500]);
});
