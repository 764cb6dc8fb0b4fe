import { Problem } from '@sagamart/service-kit/problem';
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { closedUrl, fakeService, type FakeAnswer } from './test-door.ts';
import { createUpstream } from './upstream.ts';

const post = { method: 'POST', path: '/orders', body: {}, headers: {} } as const;

test('a POST whose connection was refused is sent again: nothing can have happened', async (t) => {
  const url = await closedUrl(t);
  const upstream = createUpstream('order', url);
  const server = createServer((_request, response) => response.writeHead(202).end());
  const startServer = () => void (server.listening || server.listen(Number(new URL(url).port), '127.0.0.1'));
  subscribe('undici:client:connectError', startServer);
  t.after(async () => {
    unsubscribe('undici:client:connectError', startServer);
    await upstream.close();
    server.close();
  });
  assert.equal((await upstream.call(post)).status, 202);
});

test('a service that hangs fills its own bulkhead only: what is beyond it is refused at once', async (t) => {
  const answers: ((answer: FakeAnswer) => void)[] = [];
  const slow = await fakeService(t, () => new Promise<FakeAnswer>((resolve) => answers.push(resolve)));
  const quick = await fakeService(t, () => ({ status: 200, body: {} }));
  const [order, payment] = [createUpstream('order', slow.url), createUpstream('payment', quick.url)];
  const calls = Array.from({ length: 64 + 512 }, () => order.call({ ...post, timeoutMs: 1_000 }).catch(() => null));
  await assert.rejects(
    order.call(post),
    (error) =>
      error instanceof Problem &&
      error.status === 503 &&
      error.code === 'overloaded' &&
      error.headers['retry-after'] === '1',
  );
  assert.equal((await payment.call(post)).status, 200);
  await Promise.all(calls);
  assert.ok(slow.received.length <= 64 + 5, `${slow.received.length} calls reached a service that hangs`);
  for (const answer of answers) answer(null);
  await Promise.all([order.close(), payment.close()]);
});

test('a call that takes too long is given up and told as 503', async (t) => {
  const slow = await fakeService(t, () => new Promise<FakeAnswer>(() => {}));
  const upstream = createUpstream('order', slow.url);
  t.after(() => upstream.close());
  const startedAtMs = performance.now();
  await assert.rejects(
    upstream.call({ ...post, timeoutMs: 500 }),
    (error) => error instanceof Problem && error.status === 503 && error.code === 'service_unavailable',
  );
  // Left alone it would be given 6 s.
  assert.ok(performance.now() - startedAtMs < 5_000);
  assert.equal(slow.received.length, 1);
});
