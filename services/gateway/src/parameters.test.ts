import { exchangeRaw } from '@sagamart/test-kit/raw-http';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeService, openDoor } from './test-door.ts';

type Problem = { errors?: { pointer: string }[] };

const anOrderId = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';

test('a bad id, cursor, limit or path is refused', async (t) => {
  const service = await fakeService(t, () => ({ status: 200, body: { items: [], nextCursor: null } }));
  const { app, customer } = await openDoor(t, { order: service.url, inventory: service.url });
  const headers = await customer();
  const cases: [url: string, status: number, pointer?: string][] = [
    ['/v1/orders/1', 400, '/params/orderId'],
    ['/v1/orders/0199C0DE-7A3B-7C11-8A52-3F6F0B8F7A01', 400, '/params/orderId'],
    ['/v1/orders/9b2d1c7e-5a4f-4c11-8a52-3f6f0b8f7a01', 400, '/params/orderId'],
    ['/v1/orders/%00', 400, '/params/orderId'],
    ['/v1/orders/..%2f..%2fadmin/timeline', 400, '/params/orderId'],
    [`/v1/orders/${'a'.repeat(1_000)}`, 400],
    ['/v1/orders/%zz', 400],
    ['/v1/products/a', 400, '/params/sku'],
    ['/v1/products/MUG%20BLUE', 400, '/params/sku'],
    ['/v1/products/MUG%3Fadmin=1', 400, '/params/sku'],
    ['/v1/products?limit=0', 400, '/querystring/limit'],
    ['/v1/products?limit=101', 400, '/querystring/limit'],
    ['/v1/products?limit=ten', 400, '/querystring/limit'],
    ['/v1/products?limit=1&limit=2', 400, '/querystring/limit'],
    ...[
      'true',
      'false',
      'null',
      '1e1',
      '1.0',
      '1.5',
      '+1',
      '%201',
      '1%20',
      '01',
      '-1',
      '0x1',
      '1_0',
      '',
      '%00',
      '9'.repeat(30),
    ].map((limit): [string, number, string] => [`/v1/products?limit=${limit}`, 400, '/querystring/limit']),
    ['/v1/products?limit', 400, '/querystring/limit'],
    ['/v1/products?Limit=1', 400, '/querystring/Limit'],
    ['/v1/products?limit[]=1', 400, '/querystring/limit[]'],
    ['/v1/products?__proto__=1', 400, '/querystring/__proto__'],
    ['/v1/products/MUG-BLUE?limit=1', 400, '/querystring/limit'],
    [`/v1/orders/${anOrderId}?expand=payment`, 400, '/querystring/expand'],
    [`/v1/orders/${anOrderId}/timeline?limit=1`, 400, '/querystring/limit'],
    ['/v1/products?cursor=%00', 400, '/querystring/cursor'],
    ['/v1/products?cursor=a&cursor=b', 400, '/querystring/cursor'],
    [`/v1/products?cursor=${'a'.repeat(500)}`, 400, '/querystring/cursor'],
    ['/v1/products?sort=name', 400, '/querystring/sort'],
    ['/v1/nothing', 404],
    ['/v2/orders', 404],
  ];
  for (const [url, status, pointer] of cases) {
    const answer = await app.inject({ url, headers });
    assert.equal(answer.statusCode, status, `${url}: ${answer.body}`);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', url);
    if (pointer !== undefined)
      assert.ok(
        answer.json<Problem>().errors?.some((error) => error.pointer === pointer),
        `${url}: ${answer.body}`,
      );
  }
  assert.equal(service.received.length, 0);
});

test('a limit that is written as JSON writes one is taken', async (t) => {
  const service = await fakeService(t, () => ({ status: 200, body: { items: [], nextCursor: null } }));
  const { app } = await openDoor(t, { inventory: service.url });
  for (const limit of ['1', '10', '100'])
    assert.equal((await app.inject(`/v1/products?limit=${limit}`)).statusCode, 200, limit);
  assert.deepEqual(
    service.received.map(({ path }) => path),
    [1, 10, 100].map((limit) => `/products?limit=${limit}`),
  );
});

test('a session is not asked for by parameters, and two tokens are none', async (t) => {
  const { app, customer } = await openDoor(t);
  const ask = (url: string) => app.inject({ method: 'POST', url, payload: {} });
  assert.deepEqual(
    [(await ask('/v1/sessions?email=ada@example.com')).statusCode, (await ask('/v1/sessions')).statusCode],
    [400, 201],
  );
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const token = (await customer()).authorization;
  const { status } = await exchangeRaw(port, [
    `GET /v1/orders HTTP/1.1\r\nhost: shop\r\nauthorization: ${token}\r\nauthorization: ${token}\r\nconnection: close\r\n\r\n`,
  ]);
  assert.equal(status, 401);
});
