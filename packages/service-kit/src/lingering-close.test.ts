import { createLogger } from '@sagamart/telemetry/logger';
import { exchangeRaw, openForwarder } from '@sagamart/test-kit/raw-http';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import assert from 'node:assert/strict';
import type { FastifyRequest } from 'fastify';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Type } from 'typebox';
import { createHttpApp } from './http-app.ts';
import { Problem, problemMediaType } from './problem.ts';

const mebibyte = Buffer.alloc(1024 * 1024, 'x');
const large = 8;

async function openApp(t: TestContext) {
  const app = createHttpApp({ logger: createLogger({ service: 'test', level: 'silent' }) });
  const schema = { body: Type.Object({ n: Type.Integer() }) };
  app.post('/', { schema }, (request) => ({ n: request.body.n }));
  const broken = once(app.server, 'clientError');
  app.post('/slow', { schema }, async (request, reply) => {
    // Answered once the parser has refused what follows.
    await broken;
    return reply.send({ n: request.body.n });
  });
  const onRequest = async () => {
    throw new Problem({ status: 401, code: 'unauthorized', detail: 'No.' });
  };
  const late = async (request: FastifyRequest) => {
    await waitUntil('the connection to be paused', () => request.raw.socket.isPaused());
    return onRequest();
  };
  app.post('/closed-late', { onRequest: late, schema }, () => ({}));
  app.post('/closed', { onRequest, schema }, () => ({}));
  const direct = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const forwarder = await openForwarder(direct);
  t.after(() => {
    forwarder.close();
    return app.close();
  });
  return { app, direct, throughProxy: forwarder.port };
}

const head = (path: string, ...headers: string[]): string =>
  [`POST ${path} HTTP/1.1`, 'host: shop', ...headers, '', ''].join('\r\n');
const asJson = 'content-type: application/json';
const long = `content-length: ${large * mebibyte.length}`;
const body = Array<Buffer>(large).fill(mebibyte);
const chunk = Buffer.concat([Buffer.from('100000\r\n'), mebibyte, Buffer.from('\r\n')]);

/** What is sent until there is something to refuse; after it come 8 MiB. */
const refusals = {
  'a body too large, known from its length': { status: 413, sent: head('/', asJson, long) },
  'a body too large, come in chunks': {
    status: 413,
    sent: `${head('/', asJson, 'transfer-encoding: chunked')}100000\r\n${mebibyte.toString()}\r\n`,
  },
  'a body of another type': { status: 415, sent: head('/', 'content-type: text/plain', long) },
  'an encoded body': { status: 415, sent: head('/', asJson, 'content-encoding: gzip', long) },
  'a large body without a token': { status: 401, sent: head('/closed', asJson, long) },
  'a large body to nowhere': { status: 404, sent: head('/nowhere', asJson, long) },
  'headers without end': { status: 431, sent: `POST / HTTP/1.1\r\nhost: shop\r\nx: ${'y'.repeat(20_000)}` },
  'an absurd path': { status: 431, sent: `POST /${'y'.repeat(20_000)}` },
  'what is no HTTP': { status: 400, sent: 'hello\r\n\r\n' },
  'a body that breaks its chunks': { status: 400, sent: `${head('/', asJson, 'transfer-encoding: chunked')}zz\r\n` },
  'two lengths': { status: 400, sent: head('/', asJson, 'content-length: 1', 'content-length: 2') },
  'a length and chunks': { status: 400, sent: head('/', asJson, long, 'transfer-encoding: chunked') },
  'a tunnel': { status: 405, sent: 'CONNECT shop:443 HTTP/1.1\r\nhost: shop\r\n\r\n' },
};

for (const [what, { status, sent }] of Object.entries(refusals))
  for (const way of ['direct', 'throughProxy'] as const)
    for (const reads of ['first', 'at the end'] as const)
      test(`the refusal of ${what} is read to its end, ${way}, by a caller that reads ${reads}`, async (t) => {
        const { [way]: port } = await openApp(t);
        const answer = await exchangeRaw(port, [sent, ...body], reads);
        assert.deepEqual([answer.status, answer.error, answer.isAllSent], [status, null, true]);
        assert.ok(answer.text.includes(`content-type: ${problemMediaType}\r\n`));
        assert.match(answer.text, /connection: close/i);
        assert.equal((JSON.parse(answer.body) as { status: number }).status, status);
      });

for (const way of ['direct', 'throughProxy'] as const)
  test(`a refusal that comes when nobody reads any more of its body is read to its end, ${way}`, async (t) => {
    const { [way]: port } = await openApp(t);
    const answer = await exchangeRaw(port, [head('/closed-late', asJson, long), ...body], 'at the end');
    assert.deepEqual([answer.status, answer.error, answer.isAllSent], [401, null, true]);
  });

test('a caller that sends without end is cut off', async (t) => {
  const { direct } = await openApp(t);
  function* endless() {
    yield head('/', asJson, 'transfer-encoding: chunked');
    for (let sent = 0; sent < 200; sent += 1) yield chunk;
  }
  const answer = await exchangeRaw(direct, endless(), 'meanwhile');
  assert.deepEqual([answer.status, answer.isAllSent], [413, false]);
});

test('a refused body that would have been read is read, and the connection stays', async (t) => {
  const { direct } = await openApp(t);
  const next = `${head('/', asJson, 'content-length: 7', 'connection: close')}{"n":1}`;
  const answer = await exchangeRaw(
    direct,
    [head('/closed', asJson, 'content-length: 50000'), 'x'.repeat(50_000), next],
    'first',
  );
  assert.match(answer.text, /^HTTP\/1\.1 401 [^]*HTTP\/1\.1 200 OK[^]*\{"n":1\}$/);
  assert.equal(answer.error, null);
});

test('an app that closes waits for nobody who still sends', async (t) => {
  const { app, direct } = await openApp(t);
  const socket = connect(direct, '127.0.0.1', () => socket.write(head('/', asJson, long)));
  socket.on('error', () => undefined);
  await once(socket, 'data');
  const startedAtMs = performance.now();
  await app.close();
  assert.ok(performance.now() - startedAtMs < 5_000);
  socket.destroy();
});

for (const [what, sent] of [
  ['a connection on which nothing was asked yet', ''],
  ['a request that never ends', 'POST / HTTP/1.1\r\n'],
] as const)
  test(`an app that closes does not wait for ${what}`, async (t) => {
    const { app, direct } = await openApp(t);
    const accepted = once(app.server, 'connection') as Promise<[Socket]>;
    const socket = connect(direct, '127.0.0.1', () => socket.write(sent));
    socket.on('error', () => undefined);
    const [ours] = await accepted;
    await waitUntil('what was sent to be here', () => ours.bytesRead === sent.length);
    const startedAtMs = performance.now();
    await app.close();
    assert.ok(performance.now() - startedAtMs < 5_000);
    socket.destroy();
  });

test('who asks before it sends is told to go on when its body is wanted, and refused without sending it otherwise', async (t) => {
  const { direct } = await openApp(t);
  const expecting = (path: string, length: number) =>
    head(path, asJson, `content-length: ${length}`, 'expect: 100-continue', 'connection: close');
  const taken = await exchangeRaw(direct, [expecting('/', 7), '{"n":2}'], 'first');
  assert.match(taken.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK[^]*\{"n":2\}$/);
  for (const [path, length, status] of [
    ['/closed', 7, 401],
    ['/', 1_000_000, 413],
    ['/nowhere', 7, 404],
  ] as const)
    assert.equal((await exchangeRaw(direct, [expecting(path, length)])).status, status, path);
  const odd = await exchangeRaw(direct, [head('/', asJson, 'content-length: 7', 'expect: tea')]);
  assert.deepEqual([odd.status, odd.error], [417, null]);
});

test('an answer that is on its way comes before what breaks the connection after it, and is the last', async (t) => {
  const { direct } = await openApp(t);
  const order = `${head('/slow', asJson, 'content-length: 7')}{"n":4}`;
  const answer = await exchangeRaw(direct, [`${order}hello\r\n\r\n`, 'hello again\r\n\r\n']);
  assert.deepEqual([answer.status, answer.body, answer.error], [200, '{"n":4}', null]);
  assert.match(answer.text, /connection: close/i);
});

test('what follows a refusal that closes is part of nothing: it is not carried out', async (t) => {
  const { app, direct } = await openApp(t);
  let carriedOut = 0;
  app.server.on('request', ({ url }) => (carriedOut += url === '/' ? 1 : 0));
  const second = `${head('/', asJson, 'content-length: 7')}{"n":3}`;
  const answer = await exchangeRaw(direct, ['hello\r\n\r\n', second], 'first');
  assert.equal(answer.status, 400);
  assert.equal(carriedOut, 0);
});
