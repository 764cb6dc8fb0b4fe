import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { assertRefused, type Refusal } from './refusal.ts';
import { enterShop } from './shop-under-test.ts';

const { client, books } = await enterShop();

const line = { sku: 'MUG-STONE-BLUE', quantity: 1 };
const fine = { lines: [line], paymentMethod: 'tok_visa' };
const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

const badOrders: Refusal[] = [
  {
    what: 'an unknown sku',
    body: { ...fine, lines: [line, { sku: 'NO-SUCH-THING', quantity: 1 }] },
    status: 422,
    code: 'unknown_sku',
    pointer: '/lines/1/sku',
  },
  {
    what: 'a sku in small letters',
    body: { ...fine, lines: [{ sku: 'mug', quantity: 1 }] },
    status: 400,
    pointer: '/lines/0/sku',
  },
  {
    what: 'a NUL character in a sku',
    raw: '{"lines":[{"sku":"MUG\\u0000","quantity":1}],"paymentMethod":"tok_visa"}',
    status: 400,
    pointer: '/lines/0/sku',
  },
  {
    what: 'half a surrogate pair',
    raw: '{"lines":[{"sku":"MUG","quantity":1}],"paymentMethod":"tok_\\ud800"}',
    status: 400,
    pointer: '/paymentMethod',
  },
  {
    what: 'a sku of 30,000 characters',
    body: { ...fine, lines: [{ sku: 'A'.repeat(30_000), quantity: 1 }] },
    status: 400,
    pointer: '/lines/0/sku',
  },
  ...[0, -1, 100, 1.5, '2', null, 1e300, true, [], {}].map((quantity) => ({
    what: `a quantity of ${JSON.stringify(quantity)}`,
    body: { ...fine, lines: [{ ...line, quantity }] },
    status: 400,
    pointer: '/lines/0/quantity',
  })),
  {
    what: 'a quantity past the largest number',
    raw: '{"lines":[{"sku":"MUG","quantity":1e400}],"paymentMethod":"tok_visa"}',
    status: 400,
    pointer: '/lines/0/quantity',
  },
  { what: 'no lines', body: { ...fine, lines: [] }, status: 400, pointer: '/lines' },
  {
    what: 'fifty-one lines',
    body: { ...fine, lines: Array.from({ length: 51 }, () => line) },
    status: 400,
    pointer: '/lines',
  },
  { what: 'lines that are no list', body: { ...fine, lines: { 0: line } }, status: 400, pointer: '/lines' },
  { what: 'a line that is null', body: { ...fine, lines: [null] }, status: 400, pointer: '/lines/0' },
  {
    what: 'a price of its own',
    body: { ...fine, lines: [{ ...line, unitPriceMinor: 1 }] },
    status: 400,
    pointer: '/lines/0/unitPriceMinor',
  },
  {
    what: 'a negative expected price',
    body: { ...fine, lines: [{ ...line, expectedPriceMinor: -1 }] },
    status: 400,
    pointer: '/lines/0/expectedPriceMinor',
  },
  { what: 'a status of its own', body: { ...fine, status: 'confirmed' }, status: 400, pointer: '/status' },
  { what: 'no payment method', body: { lines: [line] }, status: 400, pointer: '/paymentMethod' },
  {
    what: 'SQL for a payment method',
    body: { ...fine, paymentMethod: "'; drop table orders; --" },
    status: 400,
    pointer: '/paymentMethod',
  },
  { what: 'an address that is none', body: { ...fine, email: 'ada' }, status: 400, pointer: '/email' },
  {
    what: 'an address with a second header',
    body: { ...fine, email: 'ada@example.com\r\nBcc: eve@example.com' },
    status: 400,
    pointer: '/email',
  },
  { what: 'a list for a body', body: [fine], status: 400 },
  { what: 'a text for a body', body: 'order', status: 400 },
  { what: 'null for a body', raw: 'null', status: 400 },
  { what: 'no body', raw: '', status: 400 },
  { what: 'half a body', raw: '{"lines":[', status: 400, code: 'invalid_json' },
  { what: 'a prototype for a field', raw: '{"__proto__":{"lines":[]},"paymentMethod":"tok_visa"}', status: 400 },
  { what: '20,000 nested lists', raw: nested, status: 400 },
  {
    what: 'bytes that are not UTF-8',
    raw: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    status: 400,
    code: 'invalid_json',
  },
  { what: 'more than 64 KiB', raw: JSON.stringify({ ...fine, email: 'a'.repeat(70_000) }), status: 413 },
  { what: 'XML', raw: '<order/>', headers: { 'content-type': 'application/xml' }, status: 415 },
  {
    what: 'a key of 256 characters',
    body: fine,
    headers: { 'idempotency-key': 'k'.repeat(256) },
    status: 400,
    code: 'idempotency_key_invalid',
  },
  {
    what: 'a key with a space in it',
    body: fine,
    headers: { 'idempotency-key': 'a b' },
    status: 400,
    code: 'idempotency_key_invalid',
  },
];

test('a bad order is refused by name of the field that is wrong, and leaves no row', async (t) => {
  const before = await books.read();
  const { token } = await client.openSession();
  for (const { what, status, code, pointer, ...request } of badOrders) {
    await t.test(what, async () => {
      const headers = { 'idempotency-key': randomUUID(), ...request.headers };
      assertRefused(await client.call('POST', '/v1/orders', { token, ...request, headers }), { status, code, pointer });
    });
  }
  await t.test('no key', async () => {
    assertRefused(await client.call('POST', '/v1/orders', { token, body: fine }), {
      status: 400,
      code: 'idempotency_key_missing',
    });
  });
  await t.test('two currencies', async () => {
    const skus = [
      await client.createProduct({ stock: 1, currency: 'EUR' }),
      await client.createProduct({ stock: 1, currency: 'GBP' }),
    ];
    const answer = await client.sendOrder(token, {
      lines: skus.map((sku) => ({ sku, quantity: 1 })),
      paymentMethod: 'tok_visa',
    });
    assertRefused(answer, { status: 422, code: 'mixed_currencies', pointer: '/lines/1/sku' });
  });
  const after = await books.read();
  assert.deepEqual(
    [after.orders.length, after.orderKeys.length, after.payments.length],
    [before.orders.length, before.orderKeys.length, before.payments.length],
  );
});
