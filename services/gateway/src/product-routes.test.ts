import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeService, openDoor } from './test-door.ts';

const facts = { name: 'Blue mug', description: 'Stoneware', priceMinor: 1250, currency: 'EUR' };

test('anybody can read products, with cursor and limit passed on', async (t) => {
  const page = '{"items":[], "nextCursor":null}';
  const inventory = await fakeService(t, () => ({ status: 200, body: page }));
  const { app } = await openDoor(t, { inventory: inventory.url });
  const answer = await app.inject('/v1/products?cursor=TVVH&limit=5');
  assert.deepEqual([answer.statusCode, answer.body], [200, page]);
  await app.inject('/v1/products');
  await app.inject('/v1/products/MUG-BLUE');
  assert.deepEqual(
    inventory.received.map(({ path }) => path),
    ['/products?cursor=TVVH&limit=5', '/products', '/products/MUG-BLUE'],
  );
});

test('a changed product is 200 once the order service has that version', async (t) => {
  const inventory = await fakeService(t, () => ({
    status: 200,
    body: { sku: 'MUG-BLUE', ...facts, available: 0, version: 3 },
  }));
  let looks = 0;
  const order = await fakeService(t, () => {
    looks += 1;
    if (looks === 1) return { status: 404, body: {} };
    return { status: 200, body: { sku: 'MUG-BLUE', version: looks === 2 ? 2 : 3 } };
  });
  const { app, operator } = await openDoor(t, { inventory: inventory.url, order: order.url });
  const answer = await app.inject({
    method: 'PUT',
    url: '/v1/products/MUG-BLUE',
    payload: facts,
    headers: await operator(),
  });
  assert.deepEqual([answer.statusCode, answer.json<{ version: number }>().version, looks], [200, 3, 3]);
});

test('a changed product is 202 when the order service does not have it in two seconds', async (t) => {
  const inventory = await fakeService(t, () => ({
    status: 200,
    body: { sku: 'MUG-BLUE', ...facts, available: 0, version: 3 },
  }));
  const order = await fakeService(t, () => ({ status: 200, body: { version: 2 } }));
  const { app, operator } = await openDoor(t, { inventory: inventory.url, order: order.url });
  const startedAtMs = performance.now();
  const answer = await app.inject({
    method: 'PUT',
    url: '/v1/products/MUG-BLUE',
    payload: facts,
    headers: await operator(),
  });
  const tookMs = performance.now() - startedAtMs;
  assert.equal(answer.statusCode, 202);
  assert.ok(tookMs >= 1_950 && tookMs < 4_000, `${tookMs} ms`);
});

test('a changed product is 202 when the order service is down', async (t) => {
  const inventory = await fakeService(t, () => ({
    status: 200,
    body: { sku: 'MUG-BLUE', ...facts, available: 0, version: 3 },
  }));
  const { app, operator } = await openDoor(t, { inventory: inventory.url });
  const answer = await app.inject({
    method: 'PUT',
    url: '/v1/products/MUG-BLUE',
    payload: facts,
    headers: await operator(),
  });
  assert.equal(answer.statusCode, 202);
});

test('a restock carries its key', async (t) => {
  const inventory = await fakeService(t, () => ({ status: 200, body: { sku: 'MUG-BLUE', available: 7 } }));
  const { app, operator } = await openDoor(t, { inventory: inventory.url });
  const headers = { ...(await operator()), 'idempotency-key': 'k1' };
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/products/MUG-BLUE/restock',
    payload: { quantity: 7 },
    headers,
  });
  assert.deepEqual(answer.json(), { sku: 'MUG-BLUE', available: 7 });
  assert.equal(inventory.received[0]?.headers['idempotency-key'], 'k1');
});

test('only an operator changes products and stock', async (t) => {
  const inventory = await fakeService(t, () => ({ status: 200, body: {} }));
  const { app, customer } = await openDoor(t, { inventory: inventory.url });
  const headers = await customer();
  for (const [method, url, payload] of [
    ['PUT', '/v1/products/MUG-BLUE', facts],
    ['POST', '/v1/products/MUG-BLUE/restock', { quantity: 1 }],
  ] as const) {
    const answer = await app.inject({ method, url, payload, headers });
    assert.deepEqual([answer.statusCode, answer.json<{ code: string }>().code], [403, 'operator_only']);
    assert.equal((await app.inject({ method, url, payload })).statusCode, 401);
  }
  assert.equal(inventory.received.length, 0);
});
