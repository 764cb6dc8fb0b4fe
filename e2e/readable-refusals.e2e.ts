import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeRaw } from '@sagamart/test-kit/raw-http';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const door = new URL(shop.gatewayUrl);
const { token } = await client.openSession();

const large = Array<Buffer>(8).fill(Buffer.alloc(1024 * 1024, 'x'));
const length = `content-length: ${8 * 1024 * 1024}`;
const head = (path: string, ...headers: string[]): string =>
  [`POST ${path} HTTP/1.1`, `host: ${door.host}`, 'content-type: application/json', ...headers, '', ''].join('\r\n');

for (const [what, status, start] of [
  ['a body too large', 413, head('/v1/orders', `authorization: Bearer ${token}`, 'idempotency-key: large', length)],
  ['a large body without a token', 401, head('/v1/orders', length)],
  ['a large body of a kind that is not read', 415, head('/v1/sessions', 'content-encoding: gzip', length)],
  ['a large body to nowhere', 404, head('/v1/nowhere', length)],
  ['headers without end', 431, `GET /v1/products HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`],
  ['what is no HTTP', 400, 'hello\r\n\r\n'],
] as const)
  for (const reads of ['first', 'at the end'] as const)
    test(`the refusal of ${what} reaches a caller that reads ${reads}, however the shop runs`, async () => {
      const { hostname: host, port } = door;
      const answer = await exchangeRaw({ host, port: Number(port) }, [start, ...large], reads);
      assert.deepEqual([answer.status, answer.error, answer.isAllSent], [status, null, true]);
      assert.equal((JSON.parse(answer.body) as { status: number }).status, status);
    });
