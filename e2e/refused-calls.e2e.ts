import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { assertRefused, type Refusal } from './refusal.ts';
import { expectProblem } from './shop-client.ts';
import { enterShop } from './shop-under-test.ts';

const { client } = await enterShop();

test("somebody else's order is not found", async () => {
  const sku = await client.createProduct({ stock: 1 });
  const [owner, stranger] = [await client.openSession(), await client.openSession()];
  const { orderId } = await client.placeOrder(owner.token, {
    lines: [{ sku, quantity: 1 }],
    paymentMethod: 'tok_visa',
  });
  const unknown = orderId.replace(/.{4}$/, '0000');
  for (const path of [`/v1/orders/${orderId}`, `/v1/orders/${orderId}/timeline`, `/v1/orders/${unknown}`]) {
    assertRefused(await client.call('GET', path, { token: stranger.token }), { status: 404, code: 'not_found' });
  }
  assert.deepEqual((await client.listOrders(stranger.token)).orderIds, []);
});

test('who shows no good token is refused', async () => {
  const { token } = await client.openSession();
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const forged = {
    'no token': undefined,
    'no token at all': 'nonsense',
    'a token signed by nobody': `${encode({ alg: 'none' })}.${payload}.`,
    'a token with other claims': `${header}.${encode({ ...claims, role: 'operator', sub: 'operator:eve' })}.${signature}`,
    'a token with a broken signature': `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
  };
  for (const [what, each] of Object.entries(forged)) {
    const answer = await client.call('GET', '/v1/orders', each === undefined ? {} : { token: each });
    assert.equal(expectProblem(401, answer).status, 401, what);
    assert.ok(answer.headers.has('www-authenticate'), `${what}: 401 must say how to come in`);
  }
});

test('only an operator changes products and stock', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { token } = await client.openSession();
  const product = { name: 'Mug', description: 'Cheap.', priceMinor: 1, currency: 'EUR' };
  assertRefused(await client.call('PUT', `/v1/products/${sku}`, { token, body: product }), {
    status: 403,
    code: 'operator_only',
  });
  assertRefused(
    await client.call('POST', `/v1/products/${sku}/restock`, {
      token,
      body: { quantity: 1 },
      headers: { 'idempotency-key': randomUUID() },
    }),
    {
      status: 403,
      code: 'operator_only',
    },
  );
  const wrong = { role: 'operator', name: 'eve', secret: 'guessed-guessed-guessed' };
  assertRefused(await client.call('POST', '/v1/sessions', { body: wrong }), { status: 401 });
  assert.equal(await client.available(sku), 1);
});

const badOperations: (Refusal & { method: string; path: string })[] = [
  {
    what: 'a free product',
    method: 'PUT',
    path: '/v1/products/E2E-BAD',
    body: { name: 'x', description: 'x', priceMinor: 0, currency: 'EUR' },
    status: 400,
    pointer: '/priceMinor',
  },
  {
    what: 'a price with a fraction',
    method: 'PUT',
    path: '/v1/products/E2E-BAD',
    body: { name: 'x', description: 'x', priceMinor: 1.5, currency: 'EUR' },
    status: 400,
    pointer: '/priceMinor',
  },
  {
    what: 'an unknown currency',
    method: 'PUT',
    path: '/v1/products/E2E-BAD',
    body: { name: 'x', description: 'x', priceMinor: 1, currency: 'XXX' },
    status: 400,
    pointer: '/currency',
  },
  {
    what: 'a product with a stock of its own',
    method: 'PUT',
    path: '/v1/products/E2E-BAD',
    body: { name: 'x', description: 'x', priceMinor: 1, currency: 'EUR', available: 9 },
    status: 400,
    pointer: '/available',
  },
  {
    what: 'a NUL character in a name',
    method: 'PUT',
    path: '/v1/products/E2E-BAD',
    raw: '{"name":"x\\u0000","description":"x","priceMinor":1,"currency":"EUR"}',
    status: 400,
    pointer: '/name',
  },
  {
    what: 'a bad sku in the path',
    method: 'PUT',
    path: '/v1/products/..%2Forders',
    body: { name: 'x', description: 'x', priceMinor: 1, currency: 'EUR' },
    status: 400,
  },
  {
    what: 'a negative restock',
    method: 'POST',
    path: '/v1/products/E2E-BAD/restock',
    body: { quantity: -1 },
    status: 400,
    pointer: '/quantity',
  },
  {
    what: 'a restock of an unknown product',
    method: 'POST',
    path: '/v1/products/E2E-BAD/restock',
    body: { quantity: 1 },
    status: 404,
    code: 'not_found',
  },
  { what: 'a product there is not', method: 'GET', path: '/v1/products/E2E-BAD', status: 404, code: 'not_found' },
  { what: 'a page of nothing', method: 'GET', path: '/v1/products?limit=0', status: 400 },
  { what: 'a page of everything', method: 'GET', path: '/v1/products?limit=100000', status: 400 },
  { what: 'a page that is no number', method: 'GET', path: '/v1/products?limit=ten', status: 400 },
  { what: 'a page of true', method: 'GET', path: '/v1/products?limit=true', status: 400 },
  { what: 'a page of ten, as 1e1', method: 'GET', path: '/v1/products?limit=1e1', status: 400 },
  { what: 'a page of one or two', method: 'GET', path: '/v1/products?limit=1&limit=2', status: 400 },
  { what: 'a parameter there is not', method: 'GET', path: '/v1/products?Limit=1', status: 400 },
  { what: 'a cursor that nobody gave', method: 'GET', path: '/v1/products?cursor=%27%20or%201=1', status: 400 },
  { what: 'an order id that is none', method: 'GET', path: '/v1/orders/1', status: 400 },
  { what: 'an order id with a NUL character', method: 'GET', path: '/v1/orders/%00', status: 400 },
  { what: 'a path that is not UTF-8', method: 'GET', path: '/v1/orders/%ff', status: 400 },
  { what: 'a path of 10,000 characters', method: 'GET', path: `/v1/orders/${'a'.repeat(10_000)}`, status: 400 },
  { what: 'a way there is not', method: 'GET', path: '/v1/secrets', status: 404 },
  {
    what: 'an address for a session that is none',
    method: 'POST',
    path: '/v1/sessions',
    body: { email: 'ada' },
    status: 400,
    pointer: '/email',
  },
  {
    what: 'a session that makes itself a customer',
    method: 'POST',
    path: '/v1/sessions',
    body: { customerId: randomUUID() },
    status: 400,
    pointer: '/customerId',
  },
];

test('whatever else a client gets wrong is a refusal that says what was expected', async (t) => {
  const token = await client.operatorToken();
  for (const { what, method, path, status, code, pointer, ...request } of badOperations) {
    await t.test(what, async () => {
      const headers = { 'idempotency-key': randomUUID() };
      assertRefused(
        await client.call(method, path, path === '/v1/sessions' ? request : { token, ...request, headers }),
        { status, code, pointer },
      );
    });
  }
});

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
