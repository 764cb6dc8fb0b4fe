import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeService, openDoor } from './test-door.ts';

const orderId = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';
const reason = 'Given back on Monday.';
const asked = '{"items":[],  "nextCursor":null}';

const calls = [
  ['payment', 'GET', '/payments?state=settled&limit=3', undefined],
  ['payment', 'POST', `/payments/${orderId}/settle`, { outcome: 'refunded', refundId: 'r-1', reason }],
  ['notification', 'GET', `/notifications?state=refused&cursor=${orderId}`, undefined],
  ['notification', 'POST', `/notifications/${orderId}/resend`, { outcome: 'confirmed', to: 'ada@example.com', reason }],
  ['notification', 'POST', `/notifications/${orderId}/give-up`, { reason }],
] as const;

for (const [service, method, path, payload] of calls) {
  const call = { method, url: `/v1${path}`, ...(payload === undefined ? {} : { payload }) };

  test(`${method} /v1${path} is answered by ${service}, byte for byte, and asked in the operator's name`, async (t) => {
    const { url, received } = await fakeService(t, () => ({ status: 200, body: asked }));
    const { app, operator } = await openDoor(t, { [service]: url });
    const headers = await operator();
    const answer = await app.inject({ ...call, headers });
    assert.deepEqual([answer.statusCode, answer.body], [200, asked]);
    const [one] = received;
    assert.deepEqual([one?.method, one?.path, one?.headers.authorization], [method, path, headers.authorization]);
    assert.equal(one?.body, payload === undefined ? '' : JSON.stringify(payload));
  });

  test(`${method} /v1${path} is for operators only, and its refusals pass`, async (t) => {
    const refused = { status: 409, body: { code: 'does_not_follow' } };
    const { url, received } = await fakeService(t, () => refused);
    const { app, customer, operator } = await openDoor(t, { [service]: url });
    assert.equal((await app.inject({ ...call, headers: await customer() })).statusCode, 403);
    assert.equal((await app.inject(call)).statusCode, 401);
    assert.equal(received.length, 0);
    const answer = await app.inject({ ...call, headers: await operator() });
    assert.deepEqual([answer.statusCode, answer.json()], [409, refused.body]);
  });
}

test('what is no outcome, no id, no address or no reason is refused with a pointer, and nobody is asked', async (t) => {
  const { url, received } = await fakeService(t, () => ({ status: 200, body: '{}' }));
  const { app, operator } = await openDoor(t, { payment: url, notification: url });
  const headers = await operator();
  const settle = `/v1/payments/${orderId}/settle`;
  for (const [path, payload, pointer] of [
    [settle, { outcome: 'lost', reason }, '/outcome'],
    [settle, { outcome: 'refunded', refundId: 'r 1', reason }, '/refundId'],
    [settle, { outcome: 'refunded', refundId: 'r-1' }, '/reason'],
    [settle, { outcome: 'refunded', refundId: 'r-1', reason: ' ' }, '/reason'],
    [`/v1/notifications/${orderId}/resend`, { to: 'ada', reason }, '/to'],
    [`/v1/notifications/${orderId}/give-up`, { reason: 'x'.repeat(501) }, '/reason'],
    ['/v1/payments/42/settle', { outcome: 'voided', reason }, '/params/orderId'],
  ] as const) {
    const answer = await app.inject({ method: 'POST', url: path, headers, payload });
    const [error] = answer.json<{ errors: { pointer: string }[] }>().errors;
    assert.deepEqual([answer.statusCode, error?.pointer], [400, pointer], path);
  }
  assert.equal(received.length, 0);
});
