import { createLogger } from '@sagamart/telemetry/logger';
import { exchangeRaw } from '@sagamart/test-kit/raw-http';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createHttpApp } from './http-app.ts';

const app = createHttpApp({ logger: createLogger({ service: 'test', level: 'silent' }) });
app.get('/', () => ({ ok: true }));
app.post('/', ({ body }) => ({ body }));
const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
after(() => app.close());

const asJson = 'content-type: application/json';

for (const [what, line, headers, status] of [
  ['no host', 'GET / HTTP/1.1', [], 400],
  ['no host, long ago', 'GET / HTTP/1.0', [], 200],
  ['a way there is not', 'TRACE / HTTP/1.1', ['host: a'], 404],
  ['a method that nobody knows', 'BREW / HTTP/1.1', ['host: a'], 400],
  ['a method of another trade', 'PROPFIND / HTTP/1.1', ['host: a'], 404],
  ['a path that is none', 'GET /%zz HTTP/1.1', ['host: a'], 400],
  ['a wish to speak otherwise', 'GET / HTTP/1.1', ['host: a', 'connection: upgrade, close', 'upgrade: websocket'], 200],
  ['two media types', 'POST / HTTP/1.1', ['host: a', asJson, asJson, 'content-length: 2'], 415],
  ['an encoded body', 'POST / HTTP/1.1', ['host: a', asJson, 'content-encoding: br', 'content-length: 2'], 415],
  [
    'a body encoded as itself',
    'POST / HTTP/1.1',
    ['host: a', asJson, 'content-encoding: identity', 'content-length: 2'],
    200,
  ],
  ['a body of no kind', 'POST / HTTP/1.1', ['host: a', 'content-length: 2'], 415],
  ['a body in an unknown coding', 'POST / HTTP/1.1', ['host: a', asJson, 'transfer-encoding: gzip'], 400],
  ['an expectation', 'POST / HTTP/1.1', ['host: a', asJson, 'expect: tea', 'content-length: 2'], 417],
] as const)
  test(`a request with ${what} is answered ${status}, a refusal with a problem`, async () => {
    const head = [
      line,
      ...headers,
      ...(headers.some((header) => header.startsWith('connection')) ? [] : ['connection: close']),
    ];
    const answer = await exchangeRaw(port, [`${head.join('\r\n')}\r\n\r\n${line.startsWith('POST') ? '{}' : ''}`]);
    assert.deepEqual([answer.status, answer.error], [status, null]);
    if (status >= 400) assert.equal((JSON.parse(answer.body) as { status: number }).status, status);
  });

test('a whole request has ten seconds, its headers included', () => {
  // The longer of the two is what holds for a body that stops.
  assert.deepEqual([app.server.headersTimeout, app.server.requestTimeout], [10_000, 10_000]);
});
