import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { controlPart } from '@sagamart/stack/shop';
import { expectProblem } from './shop-client.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();

test('the same key and body again gets the same answer, byte for byte, and no second order', async () => {
  const sku = await client.createProduct({ stock: 10 });
  const { token } = await client.openSession();
  const key = randomUUID();
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };

  const first = await client.sendOrder(token, order, key);
  assert.equal(first.status, 202);
  const again = await client.sendOrder(token, { paymentMethod: 'tok_visa', lines: [{ quantity: 1, sku }] }, `"${key}"`);
  assert.deepEqual(
    [again.status, again.text, again.headers.get('location')],
    [202, first.text, first.headers.get('location')],
  );
});

test('the same key with another body is refused', async () => {
  const sku = await client.createProduct({ stock: 10 });
  const { token } = await client.openSession();
  const key = randomUUID();
  await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' }, key);
  const other = await client.sendOrder(token, { lines: [{ sku, quantity: 2 }], paymentMethod: 'tok_visa' }, key);
  assert.equal(expectProblem(422, other).code, 'idempotency_key_reused');
});

test('the same key twenty times at once makes one order', async () => {
  const sku = await client.createProduct({ stock: 50 });
  const { token } = await client.openSession();
  const key = randomUUID();
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };

  const answers = await Promise.all(Array.from({ length: 20 }, () => client.sendOrder(token, order, key)));
  const accepted = answers.filter(({ status }) => status === 202);
  assert.ok(accepted.length > 0, 'one of them must be accepted');
  assert.equal(new Set(accepted.map(({ text }) => text)).size, 1);
  for (const answer of answers)
    if (answer.status !== 202) assert.equal(expectProblem(409, answer).code, 'request_in_progress');

  const last = await client.sendOrder(token, order, key);
  assert.equal(last.text, accepted[0]?.text);
  assert.equal((await client.listOrders(token)).orderIds.length, 1);
});

test('the same key gets the answer it got, byte for byte, after gateway and order service started anew and Redis was emptied', async () => {
  const sku = await client.createProduct({ stock: 10 });
  const { token } = await client.openSession();
  const key = randomUUID();
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  const first = await client.sendOrder(token, order, key);
  assert.equal(first.status, 202);
  const { orderId } = first.body as { orderId: string };
  // An answer made anew would not say pending.
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');

  // Redis keeps nothing on disk: after a restart it is empty.
  await Promise.all((['gateway', 'order', 'redis'] as const).map((part) => controlPart(shop.home, part, 'restart')));
  const again = await client.sendOrder(token, order, key);
  assert.deepEqual(
    [again.status, again.text, again.headers.get('location')],
    [202, first.text, first.headers.get('location')],
  );
  const other = await client.sendOrder(token, { ...order, lines: [{ sku, quantity: 2 }] }, key);
  assert.equal(expectProblem(422, other).code, 'idempotency_key_reused');
  assert.deepEqual((await client.listOrders(token)).orderIds, [orderId]);
  assert.equal(await client.available(sku), 9);
});

test('two customers may use the same key', async () => {
  const sku = await client.createProduct({ stock: 10 });
  const key = randomUUID();
  const orderIds = new Set<string>();
  for (let customer = 0; customer < 2; customer += 1) {
    const { token } = await client.openSession();
    const answer = await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' }, key);
    assert.equal(answer.status, 202);
    orderIds.add((answer.body as { orderId: string }).orderId);
  }
  assert.equal(orderIds.size, 2);
});

test('a refused order leaves its key free', async () => {
  const sku = await client.createProduct({ stock: 10, priceMinor: 500 });
  const { token } = await client.openSession();
  const key = randomUUID();
  const refused = await client.sendOrder(
    token,
    { lines: [{ sku, quantity: 1, expectedPriceMinor: 400 }], paymentMethod: 'tok_visa' },
    key,
  );
  const problem = expectProblem(409, refused);
  assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['price_changed', '/lines/0/expectedPriceMinor']);
  const accepted = await client.sendOrder(
    token,
    { lines: [{ sku, quantity: 1, expectedPriceMinor: 500 }], paymentMethod: 'tok_visa' },
    key,
  );
  assert.equal(accepted.status, 202);
});

test('a restock repeated with the same key adds stock once', async () => {
  const sku = await client.createProduct({ stock: 0 });
  const token = await client.operatorToken();
  const headers = { 'idempotency-key': randomUUID() };
  for (let count = 0; count < 3; count += 1) {
    const answer = await client.call('POST', `/v1/products/${sku}/restock`, { token, headers, body: { quantity: 7 } });
    assert.deepEqual([answer.status, answer.body], [200, { sku, available: 7 }]);
  }
  assert.equal(await client.available(sku), 7);
});
