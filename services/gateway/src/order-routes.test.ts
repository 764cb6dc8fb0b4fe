import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedUrl, fakeService, openDoor, type FakeAnswer } from './test-door.ts';

const orderId = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';
const payload = { lines: [{ sku: 'MUG-BLUE', quantity: 2 }], paymentMethod: 'tok_visa' };
const record = {
  orderId,
  customerId: '0199c0dd-10aa-7b42-9f0e-6f1d2c3b4a59',
  status: 'pending',
  lines: [{ sku: 'MUG-BLUE', name: 'Blue mug', quantity: 2, unitPriceMinor: 1250 }],
  totalMinor: 2500,
  currency: 'EUR',
  deadline: '2026-11-21T10:16:30.000Z',
  placedAt: '2026-11-21T10:15:30.000Z',
  heard: {},
};
const ok = (body: unknown): FakeAnswer => ({ status: 200, body });
const notFound: FakeAnswer = { status: 404, body: { code: 'not_found' } };

test('an order goes to the order service with the key, the token and a trace of our own, without the caller’s context, and its answer comes back byte for byte', async (t) => {
  const body = '{"orderId":"x",  "status":"pending"}';
  const order = await fakeService(t, () => ({ status: 202, headers: { location: `/orders/${orderId}` }, body }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const headers = {
    ...(await customer()),
    'idempotency-key': '"k 1"',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    tracestate: 'rojo=00f067aa0ba902b7',
    baggage: 'customer=ada',
  };
  const answer = await app.inject({ method: 'POST', url: '/v1/orders', payload, headers });
  assert.deepEqual([answer.statusCode, answer.headers.location, answer.body], [202, `/v1/orders/${orderId}`, body]);
  const [received] = order.received;
  assert.ok(received);
  assert.deepEqual(JSON.parse(received.body), payload);
  for (const name of ['authorization', 'idempotency-key'] as const) assert.equal(received.headers[name], headers[name]);
  assert.equal(received.headers['traceparent'], answer.headers['traceresponse']);
  assert.doesNotMatch(String(received.headers['traceparent']), /aaaa|bbbb/);
  for (const name of ['tracestate', 'baggage']) assert.equal(received.headers[name], undefined);
});

test('a refusal of the order service passes as it is, with its problem and Retry-After', async (t) => {
  const body = {
    type: 'https://sagamart.example/problems/request_in_progress',
    status: 409,
    code: 'request_in_progress',
  };
  const headers = { 'content-type': 'application/problem+json', 'retry-after': '1' };
  const order = await fakeService(t, () => ({ status: 409, headers, body }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const answer = await app.inject({ method: 'POST', url: '/v1/orders', payload, headers: await customer() });
  assert.deepEqual(
    [answer.statusCode, answer.headers['retry-after'], answer.headers['content-type']],
    [409, '1', 'application/problem+json'],
  );
  assert.deepEqual(answer.json(), body);
});

test('an order whose connection breaks is not sent again: it may have been taken', async (t) => {
  const order = await fakeService(t, () => null);
  const { app, customer } = await openDoor(t, { order: order.url });
  const answer = await app.inject({ method: 'POST', url: '/v1/orders', payload, headers: await customer() });
  assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [503, '1']);
  assert.equal(order.received.length, 1);
});

test('a cancel goes to the order service without a body, and its answer comes back byte for byte', async (t) => {
  const body = `{"orderId":"${orderId}",  "status":"cancelled"}`;
  const order = await fakeService(t, () => ({ status: 202, body }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const headers = await customer();
  for (const sent of [undefined, {}]) {
    const request = { method: 'POST', url: `/v1/orders/${orderId}/cancel`, headers } as const;
    const answer = await app.inject(sent === undefined ? request : { ...request, payload: sent });
    assert.deepEqual([answer.statusCode, answer.body], [202, body]);
    const received = order.received.pop();
    assert.deepEqual([received?.method, received?.path, received?.body], ['POST', `/orders/${orderId}/cancel`, '']);
    assert.equal(received?.headers.authorization, headers.authorization);
  }
});

test('a cancel that comes too late is refused as the order service refuses it', async (t) => {
  const body = { status: 409, code: 'cancel_window_closed' };
  const order = await fakeService(t, () => ({ status: 409, body }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const request = { method: 'POST', url: `/v1/orders/${orderId}/cancel`, headers: await customer() } as const;
  const answer = await app.inject(request);
  assert.deepEqual([answer.statusCode, answer.json()], [409, body]);
});

test('a cancel whose connection breaks is not sent again by the door: its customer may', async (t) => {
  const order = await fakeService(t, () => null);
  const { app, customer } = await openDoor(t, { order: order.url });
  const request = { method: 'POST', url: `/v1/orders/${orderId}/cancel`, headers: await customer() } as const;
  const answer = await app.inject(request);
  assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [503, '1']);
  assert.equal(order.received.length, 1);
});

test('an order id that is none is refused at the door, not passed on', async (t) => {
  const order = await fakeService(t, () => ({ status: 202, body: {} }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const headers = await customer();
  for (const wrong of ['1', 'x'.repeat(36), '..%2Fsecret']) {
    const answer = await app.inject({ method: 'POST', url: `/v1/orders/${wrong}/cancel`, headers });
    assert.ok([400, 404].includes(answer.statusCode), answer.body);
  }
  assert.equal(order.received.length, 0);
});

test('a read whose connection breaks is tried again', async (t) => {
  let calls = 0;
  const order = await fakeService(t, () => (++calls === 1 ? null : ok({ items: [record], nextCursor: null })));
  const { app, customer } = await openDoor(t, { order: order.url });
  const answer = await app.inject({ url: '/v1/orders', headers: await customer() });
  const { heard: _heard, customerId: _customerId, ...listed } = record;
  assert.deepEqual([answer.statusCode, answer.json()], [200, { items: [listed], nextCursor: null }]);
  assert.equal(calls, 2);
});

test('while the order service is down an order is answered at once with 503 and Retry-After', async (t) => {
  const { app, customer } = await openDoor(t, { order: await closedUrl(t) });
  const headers = await customer();
  for (let i = 0; i < 20; i++) {
    const startedAtMs = performance.now();
    const answer = await app.inject({ method: 'POST', url: '/v1/orders', payload, headers });
    assert.deepEqual(
      [answer.statusCode, answer.headers['retry-after'], answer.json<{ code: string }>().code],
      [503, '1', 'service_unavailable'],
    );
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
    assert.ok(performance.now() - startedAtMs < 1_000);
  }
});

test('after failures in a row the breaker stops asking, and one second later it asks again', async (t) => {
  let isBroken = true;
  const order = await fakeService(t, () => (isBroken ? null : { status: 202, body: {} }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const headers = await customer();
  const place = async () => (await app.inject({ method: 'POST', url: '/v1/orders', payload, headers })).statusCode;
  for (let i = 0; i < 12; i++) assert.equal(await place(), 503);
  assert.equal(order.received.length, 5);
  isBroken = false;
  const endAtMs = performance.now() + 3_000;
  while ((await place()) !== 202) {
    assert.ok(performance.now() < endAtMs, 'still broken after 3 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('one order is composed from all services, and the order is asked last', async (t) => {
  const asked: string[] = [];
  const part = (name: string, body: unknown) =>
    fakeService(t, async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      asked.push(name);
      return ok(body);
    });
  const payment = await part('payment', { orderId, status: 'capturing' });
  const inventory = await part('inventory', { orderId, status: 'held' });
  const notification = await part('notification', { items: [] });
  const order = await part('order', { ...record, status: 'confirmed', heard: { stock: 'held', payment: 'captured' } });
  const { app, customer } = await openDoor(t, {
    payment: payment.url,
    inventory: inventory.url,
    notification: notification.url,
    order: order.url,
  });
  const answer = await app.inject({ url: `/v1/orders/${orderId}`, headers: await customer() });
  const { heard: _heard, customerId: _customerId, ...facts } = record;
  assert.deepEqual(answer.json(), {
    ...facts,
    status: 'confirmed',
    payment: { status: 'captured' },
    stock: { status: 'held' },
    notifications: [],
  });
  assert.equal(asked.at(-1), 'order');
  assert.equal(asked.length, 4);
});

test('an order is answered while other services are down, broken or have no row', async (t) => {
  const order = await fakeService(t, () => ok({ ...record, heard: { payment: 'captured' } }));
  const inventory = await fakeService(t, () => ({ status: 500, body: {} }));
  const notification = await fakeService(t, () => notFound);
  const { app, customer } = await openDoor(t, {
    order: order.url,
    inventory: inventory.url,
    notification: notification.url,
  });
  const view = (await app.inject({ url: `/v1/orders/${orderId}`, headers: await customer() })).json<
    Record<string, unknown>
  >();
  assert.deepEqual(
    [view['payment'], view['stock'], view['notifications']],
    [{ status: 'captured', stale: true }, { status: 'held', stale: true }, []],
  );
});

test('an order just taken waits for services that have no row of it yet', async (t) => {
  const order = await fakeService(t, () => ok(record));
  const none = await fakeService(t, () => notFound);
  const services = { order: order.url, payment: none.url, inventory: none.url, notification: none.url };
  const { app, customer } = await openDoor(t, services);
  const answer = await app.inject({ url: `/v1/orders/${orderId}`, headers: await customer() });
  const { payment, stock } = answer.json<Record<string, unknown>>();
  assert.deepEqual([payment, stock], [{ status: 'waiting' }, { status: 'waiting' }]);
});

test('a service that hangs does not keep the order waiting for longer than its second', async (t) => {
  const order = await fakeService(t, () => ok(record));
  const payment = await fakeService(t, () => new Promise<FakeAnswer>(() => {}));
  const { app, customer } = await openDoor(t, { order: order.url, payment: payment.url });
  const headers = await customer();
  const startedAtMs = performance.now();
  const view = (await app.inject({ url: `/v1/orders/${orderId}`, headers })).json<{ payment: unknown }>();
  assert.deepEqual(view.payment, { status: 'unavailable' });
  assert.ok(performance.now() - startedAtMs < 3_000, 'any other call may take 6 s');
});

test("somebody else's order is answered as the order service answers it: not found", async (t) => {
  const order = await fakeService(t, () => notFound);
  const { app, customer } = await openDoor(t, { order: order.url });
  const answer = await app.inject({ url: `/v1/orders/${orderId}`, headers: await customer() });
  assert.deepEqual([answer.statusCode, answer.json()], [404, { code: 'not_found' }]);
});

test('an order service that breaks the agreement is a 500 without its answer', async (t) => {
  const order = await fakeService(t, () => ok({ secret: 'row' }));
  const { app, customer } = await openDoor(t, { order: order.url });
  const answer = await app.inject({ url: `/v1/orders/${orderId}`, headers: await customer() });
  assert.equal(answer.statusCode, 500);
  assert.equal(answer.body.includes('row'), false);
});

test('orders need a session', async (t) => {
  const { app } = await openDoor(t);
  const cancel = await app.inject({ method: 'POST', url: `/v1/orders/${orderId}/cancel` });
  assert.equal(cancel.statusCode, 401);
  for (const url of ['/v1/orders', `/v1/orders/${orderId}`, `/v1/orders/${orderId}/timeline`]) {
    const answer = await app.inject(url);
    assert.deepEqual([answer.statusCode, answer.headers['www-authenticate']], [401, 'Bearer realm="sagamart"']);
  }
});
