import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books } = await enterShop();

test('the last unit wanted by fifty customers is sold once', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const customers = await Promise.all(
    Array.from({ length: 50 }, () => client.openSession({ email: 'ada@example.com' })),
  );
  const placed = await Promise.all(
    customers.map(async ({ token }) => ({
      token,
      ...(await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' })),
    })),
  );
  const orders = await Promise.all(
    placed.map(({ token, orderId }) => client.orderWhere(token, orderId, ({ status }) => status !== 'pending', 60_000)),
  );
  assert.equal(orders.filter(({ status }) => status === 'confirmed').length, 1);
  assert.equal(orders.filter(({ reason }) => reason === 'out_of_stock').length, 49);
  assert.equal(await client.available(sku), 0);
});

test('orders of the same two products in opposite order do not lock each other out', async () => {
  const [one, other] = await Promise.all([client.createProduct({ stock: 60 }), client.createProduct({ stock: 60 })]);
  const customers = await Promise.all(Array.from({ length: 10 }, () => client.openSession()));
  const placed = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const { token } = customers[index % customers.length] ?? assert.fail('there are customers');
      const skus = index % 2 === 0 ? [one, other] : [other, one];
      const paymentMethod = index % 3 === 0 ? 'tok_declined' : 'tok_visa';
      return {
        token,
        paymentMethod,
        ...(await client.placeOrder(token, { lines: skus.map((sku) => ({ sku, quantity: 1 })), paymentMethod })),
      };
    }),
  );
  for (const { token, orderId, paymentMethod } of placed) {
    const order = await client.orderWhere(token, orderId, ({ status }) => status !== 'pending', 60_000);
    assert.equal(order.status, paymentMethod === 'tok_visa' ? 'confirmed' : 'cancelled');
  }
  await waitForRest(books);
  assert.deepEqual([await client.available(one), await client.available(other)], [20, 20]);
});
