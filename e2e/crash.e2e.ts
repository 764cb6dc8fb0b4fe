import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlPart } from '@sagamart/stack/shop';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();

const orders = 30;

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
