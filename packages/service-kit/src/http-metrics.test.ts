import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '@sagamart/telemetry/logger';
import { readMetric } from '@sagamart/test-kit/read-metric';
import { createHttpApp } from './http-app.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const count = 'http_server_request_duration_seconds_count';

test('requests are counted by route template and status, made-up paths together, and what only looks after the service not at all', async () => {
  const app = createHttpApp({ logger });
  app.get('/orders/:orderId', (_request, reply) => reply.code(404).send({}));
  await Promise.all(['/orders/1', '/orders/2', '/x', '/y?z', '/livez', '/metrics'].map((url) => app.inject(url)));
  await app.inject({ method: 'PROPFIND', url: '/x' });
  await app.inject({ method: 'DELETE', url: '/orders/1' });
  // The answer to the look above is kept for a moment; another app has none.
  const answer = await createHttpApp({ logger }).inject('/metrics');
  assert.match(String(answer.headers['content-type']), /^application\/openmetrics-text/);
  const of = (http_route: string, http_request_method = 'GET') =>
    readMetric(answer.body, count, { http_route, http_request_method, http_response_status_code: '404' });
  assert.equal(of('/orders/:orderId'), 2);
  assert.deepEqual([of('unmatched'), of('unmatched', '_OTHER'), of('unmatched', 'DELETE')], [2, 1, 1]);
  assert.equal(answer.body.split('\n').filter((line) => line.startsWith(count)).length, 4);
});

test('nothing that a request carries gets into the metrics', async () => {
  const app = createHttpApp({ logger });
  app.post('/orders/:orderId', () => ({}));
  await app.inject({
    method: 'POST',
    url: '/orders/planted-path?email=planted-query@example.com',
    headers: { authorization: 'Bearer planted-token', 'x-planted-header': 'planted-value' },
    payload: { paymentMethod: 'tok_planted' },
  });
  assert.doesNotMatch((await createHttpApp({ logger }).inject('/metrics')).body, /planted/);
});

test('however often somebody asks, the metrics are gathered twice a second at most', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 0 });
  const app = createHttpApp({ logger });
  app.get('/', () => ({}));
  const before = (await app.inject('/metrics')).body;
  await app.inject('/');
  t.mock.timers.setTime(500);
  assert.equal((await app.inject('/metrics')).body, before);
  t.mock.timers.setTime(501);
  assert.notEqual((await app.inject('/metrics')).body, before);
});

test('a clock that was ahead for a moment does not stop the metrics', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 172_800_000 });
  const app = createHttpApp({ logger });
  app.get('/', () => ({}));
  const before = (await app.inject('/metrics')).body;
  await app.inject('/');
  t.mock.timers.setTime(0);
  assert.notEqual((await app.inject('/metrics')).body, before);
});
