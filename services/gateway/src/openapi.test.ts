import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventTypes } from '@sagamart/contracts/events';
import { openDoor } from './test-door.ts';

type Operation = {
  parameters?: { name: string; in: string; required?: boolean }[];
  responses: Record<string, { content?: object }>;
};
type Description = { openapi: string; paths: Record<string, Record<string, Operation>> };

test('the published description is OpenAPI 3.1 and lists every route of the door', async (t) => {
  const { app } = await openDoor(t);
  const answer = await app.inject('/openapi.json');
  const { openapi, paths } = answer.json<Description>();
  assert.equal(openapi, '3.1.0');
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(routes.toSorted(), [
    'get /.well-known/jwks.json',
    'get /livez',
    'get /metrics',
    'get /readyz',
    'get /v1/notifications',
    'get /v1/orders',
    'get /v1/orders/{orderId}',
    'get /v1/orders/{orderId}/timeline',
    'get /v1/parked-messages',
    'get /v1/parked-messages/{id}',
    'get /v1/payments',
    'get /v1/products',
    'get /v1/products/{sku}',
    'post /v1/notifications/{orderId}/give-up',
    'post /v1/notifications/{orderId}/resend',
    'post /v1/orders',
    'post /v1/orders/{orderId}/cancel',
    'post /v1/parked-messages/{id}/discard',
    'post /v1/parked-messages/{id}/replay',
    'post /v1/payments/{orderId}/settle',
    'post /v1/products/{sku}/restock',
    'post /v1/services/{service}/pause/release',
    'post /v1/sessions',
    'put /v1/products/{sku}',
  ]);
  const key = paths['/v1/orders']?.['post']?.parameters?.find(({ name }) => name === 'idempotency-key');
  assert.deepEqual([key?.in, key?.required], ['header', true]);
  assert.ok(Object.keys(paths['/v1/orders']?.['post']?.responses ?? {}).includes('4XX'));
});

test('the events of the shop are described at the door too', async (t) => {
  const { app } = await openDoor(t);
  const answer = await app.inject('/asyncapi.json');
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  const { asyncapi, components } = answer.json<{ asyncapi: string; components: { messages: object } }>();
  assert.match(asyncapi, /^3\./);
  assert.deepEqual(Object.keys(components.messages), Object.keys(eventTypes));
});

test('the page of the description works under its own content security policy', async (t) => {
  const { app } = await openDoor(t);
  const page = await app.inject('/docs/');
  assert.equal(page.statusCode, 200);
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'/);
  // Scripts would be asked for over https, which a local shop does not speak.
  assert.doesNotMatch(String(page.headers['content-security-policy']), /upgrade-insecure-requests|swagger\.io/);
  assert.doesNotMatch(page.body, /<script(?![^>]*src=)[^>]*>[^<]/);
  assert.equal((await app.inject('/docs/static/swagger-initializer.js')).statusCode, 200);
  assert.equal((await app.inject('/docs/json')).statusCode, 200);
});

test('answers carry security headers, and pages of other origins are not let in unless configured', async (t) => {
  const closed = await openDoor(t);
  const open = await openDoor(t, { env: { CORS_ORIGINS: 'https://shop.example' } });
  const answer = await closed.app.inject(from('https://shop.example'));
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.doesNotMatch(String(answer.headers['content-security-policy']), /upgrade-insecure-requests/);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.equal(
    (await open.app.inject(from('https://shop.example'))).headers['access-control-allow-origin'],
    'https://shop.example',
  );
  assert.equal((await open.app.inject(from('https://evil.example'))).headers['access-control-allow-origin'], undefined);
});

test('a page of a configured origin may use every method of the door', async (t) => {
  const { app } = await openDoor(t, { env: { CORS_ORIGINS: 'https://shop.example' } });
  const headers = { origin: 'https://shop.example', 'access-control-request-method': 'PUT' };
  const answer = await app.inject({ method: 'OPTIONS', url: '/v1/products/MUG-BLUE', headers });
  assert.match(String(answer.headers['access-control-allow-methods']), /PUT/);
});

test('the door is alive and ready', async (t) => {
  const { app } = await openDoor(t);
  assert.deepEqual([(await app.inject('/livez')).statusCode, (await app.inject('/readyz')).statusCode], [200, 200]);
});

function from(origin: string) {
  return { url: '/livez', headers: { origin } };
}
