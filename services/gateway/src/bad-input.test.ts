import {
  anything,
  assert as check,
  asyncProperty,
  constantFrom,
  json,
  oneof,
  record,
  string,
  tuple,
  webPath,
} from 'fast-check';
import { exchangeRaw } from '@sagamart/test-kit/raw-http';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeService, openDoor } from './test-door.ts';

type Problem = {
  type: string;
  code: string;
  status: number;
  detail: string;
  traceId: string;
  errors?: { pointer: string }[];
};
const line = { sku: 'MUG-BLUE', quantity: 1 };
const order = { lines: [line], paymentMethod: 'tok_visa' };
const text = JSON.stringify(order);

const bodies: [what: string, body: string | Buffer, status: number, code: string, pointer?: string][] = [
  ['nothing', '', 400, 'invalid_request', ''],
  ['no JSON', '{"lines":', 400, 'invalid_json'],
  ['null', 'null', 400, 'invalid_request', ''],
  ['an array', '[]', 400, 'invalid_request', ''],
  ['a number', '1e999', 400, 'invalid_request', ''],
  [
    'bytes that are not UTF-8',
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    400,
    'invalid_json',
  ],
  ['brackets without end', '['.repeat(30_000), 400, 'invalid_json'],
  ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 400, 'invalid_json'],
  ['deep nesting in a field', `{"lines":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`, 400, 'invalid_json'],
  ['more than the door reads', JSON.stringify({ ...order, email: 'x'.repeat(70_000) }), 413, 'body_too_large'],
  ['a prototype', `{"__proto__":{"a":1},${text.slice(1)}`, 400, 'invalid_json'],
  ['a hidden prototype', `{"\\u005f_proto__":{"a":1},${text.slice(1)}`, 400, 'invalid_json'],
  ['no lines', JSON.stringify({ ...order, lines: [] }), 400, 'invalid_request', '/lines'],
  [
    '51 lines',
    JSON.stringify({ ...order, lines: Array.from({ length: 51 }, () => line) }),
    400,
    'invalid_request',
    '/lines',
  ],
  [
    'quantity 0',
    JSON.stringify({ ...order, lines: [{ ...line, quantity: 0 }] }),
    400,
    'invalid_request',
    '/lines/0/quantity',
  ],
  [
    'quantity 100',
    JSON.stringify({ ...order, lines: [line, { ...line, quantity: 100 }] }),
    400,
    'invalid_request',
    '/lines/1/quantity',
  ],
  [
    'quantity as text',
    JSON.stringify({ ...order, lines: [{ ...line, quantity: '1' }] }),
    400,
    'invalid_request',
    '/lines/0/quantity',
  ],
  [
    'half a unit',
    JSON.stringify({ ...order, lines: [{ ...line, quantity: 0.5 }] }),
    400,
    'invalid_request',
    '/lines/0/quantity',
  ],
  ['a huge quantity', text.replace('"quantity":1', '"quantity":1e308'), 400, 'invalid_request', '/lines/0/quantity'],
  ['no sku', JSON.stringify({ ...order, lines: [{ quantity: 1 }] }), 400, 'invalid_request', '/lines/0/sku'],
  [
    'a sku with SQL',
    JSON.stringify({ ...order, lines: [{ ...line, sku: "A'; drop table" }] }),
    400,
    'invalid_request',
    '/lines/0/sku',
  ],
  [
    'a NUL character',
    JSON.stringify({ ...order, paymentMethod: 'tok\0visa' }),
    400,
    'invalid_request',
    '/paymentMethod',
  ],
  ['half a surrogate pair', `{"email":"\\ud800@example.com",${text.slice(1)}`, 400, 'invalid_request', '/email'],
  ['an email that is none', JSON.stringify({ ...order, email: 'ada' }), 400, 'invalid_request', '/email'],
  [
    'an email that adds a header',
    JSON.stringify({ ...order, email: 'a@example.com\r\nBcc: b@example.com' }),
    400,
    'invalid_request',
    '/email',
  ],
  ['a price of its own', JSON.stringify({ ...order, totalMinor: 1 }), 400, 'invalid_request', '/totalMinor'],
  [
    'a price of its own in a line',
    JSON.stringify({ ...order, lines: [{ ...line, unitPriceMinor: 1 }] }),
    400,
    'invalid_request',
    '/lines/0/unitPriceMinor',
  ],
  [
    'a negative expected price',
    JSON.stringify({ ...order, lines: [{ ...line, expectedPriceMinor: -1 }] }),
    400,
    'invalid_request',
    '/lines/0/expectedPriceMinor',
  ],
];

test('a bad order is refused with a problem that names the field, and never reaches the order service', async (t) => {
  const service = await fakeService(t, () => ({ status: 202, body: {} }));
  const { app, customer } = await openDoor(t, { order: service.url });
  const headers = { ...(await customer()), 'content-type': 'application/json', 'idempotency-key': 'k' };
  for (const [what, payload, status, code, pointer] of bodies) {
    const answer = await app.inject({ method: 'POST', url: '/v1/orders', payload, headers });
    const problem = answer.json<Problem>();
    assert.deepEqual([answer.statusCode, problem.code], [status, code], what);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', what);
    assert.deepEqual([problem.status, problem.type], [status, `https://sagamart.example/problems/${code}`], what);
    assert.match(problem.traceId, /^[0-9a-f]{32}$/);
    if (pointer !== undefined)
      assert.ok(
        problem.errors?.some((error) => error.pointer === pointer),
        `${what}: ${answer.body}`,
      );
  }
  assert.equal(service.received.length, 0);
});

test('other media types are refused', async (t) => {
  const { app, customer } = await openDoor(t);
  for (const type of [
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'x',
  ]) {
    const headers = { ...(await customer()), 'content-type': type };
    assert.equal(
      (await app.inject({ method: 'POST', url: '/v1/orders', payload: text, headers })).statusCode,
      415,
      type,
    );
  }
});

test('a bad session request is refused and names the field', async (t) => {
  const { app } = await openDoor(t);
  const cases: [payload: object, pointer: string][] = [
    [{ email: 1 }, '/email'],
    [{ email: 'x' }, '/email'],
    [{ email: '"ada lovelace"@example.com' }, '/email'],
    [{ email: `${'a'.repeat(65)}@example.com` }, '/email'],
    [{ email: `${'a'.repeat(250)}@example.com` }, '/email'],
    [{ customerId: '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01' }, '/customerId'],
    [{ role: 'operator' }, '/secret'],
    [{ role: 'operator', name: 'Ada Lovelace', secret: 'x' }, '/name'],
    [{ role: 'customer' }, '/role'],
  ];
  for (const [payload, pointer] of cases) {
    const answer = await app.inject({ method: 'POST', url: '/v1/sessions', payload });
    assert.equal(answer.statusCode, 400);
    assert.equal(
      answer.json<Problem>().errors?.some((error) => error.pointer === '/email') ?? false,
      pointer === '/email',
    );
    assert.ok(
      answer.json<Problem>().errors?.some((error) => error.pointer === pointer),
      `${JSON.stringify(payload)}: ${answer.body}`,
    );
  }
});

test('bytes that are not HTTP, and headers without end, get a problem and a closed connection', async (t) => {
  const { app } = await openDoor(t);
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const answerTo = async (bytes: string) => (await exchangeRaw(port, [bytes])).text;
  assert.match(
    await answerTo('hello\r\n\r\n'),
    /^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json/,
  );
  assert.match(await answerTo(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});

test('whatever is sent, the door answers with what the service said or a refusal, never with a 500', async (t) => {
  const service = await fakeService(t, () => ({ status: 200, body: { version: 1 } }));
  const { app, customer, operator } = await openDoor(t, {
    order: service.url,
    inventory: service.url,
    env: { RATE_LIMIT_ADDRESS_PER_SECOND: '100000', RATE_LIMIT_SESSIONS_PER_MINUTE: '100000' },
  });
  const [asCustomer, asOperator] = [await customer(), await operator()];
  const doors = constantFrom(
    { method: 'POST', url: '/v1/orders', headers: asCustomer } as const,
    { method: 'POST', url: '/v1/sessions', headers: {} } as const,
    { method: 'PUT', url: '/v1/products/MUG-BLUE', headers: asOperator } as const,
    { method: 'POST', url: '/v1/products/MUG-BLUE/restock', headers: asOperator } as const,
  );
  const near = record(
    {
      lines: anything(),
      paymentMethod: anything(),
      email: anything(),
      role: anything(),
      name: anything(),
      quantity: anything(),
    },
    { requiredKeys: [] },
  );
  const payloads = oneof(
    json(),
    near.map((value) => JSON.stringify(value) ?? ''),
    string({ unit: 'binary' }),
  );
  await check(
    asyncProperty(doors, payloads, async (door, payload) => {
      const answer = await app.inject({
        ...door,
        payload,
        headers: { ...door.headers, 'content-type': 'application/json' },
      });
      assert.ok(answer.statusCode < 500, answer.body);
    }),
    { numRuns: 400 },
  );
});

test('whatever path and query are asked for, the door does not break', async (t) => {
  const service = await fakeService(t, () => ({ status: 200, body: { items: [], nextCursor: null } }));
  const { app, customer } = await openDoor(t, { order: service.url, inventory: service.url });
  const headers = await customer();
  const paths = tuple(
    constantFrom('/v1/orders/', '/v1/products/', '/v1/products?cursor=', '/v1/orders?limit=', '/'),
    webPath(),
    string(),
  );
  await check(
    asyncProperty(paths, async ([start, path, rest]) => {
      const answer = await app.inject({ url: `${start}${path}${encodeURIComponent(rest.toWellFormed())}`, headers });
      assert.ok(answer.statusCode < 500, answer.body);
    }),
    { numRuns: 300 },
  );
});
