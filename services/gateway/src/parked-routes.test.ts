import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeService, openDoor, type FakeAnswer, type Received } from './test-door.ts';

const idOf = (n: number) => `0199c0de-7a3b-7c11-8a52-3f6f0b8f7a0${n}`;

function message(service: string, n: number) {
  return {
    ...{
      service,
      id: idOf(n),
      topic: 'order.events',
      key: 'k',
      type: 'order.placed',
      eventId: '',
      reason: 'invalid_data',
    },
    ...{
      error: 'no JSON',
      attempts: 1,
      parkedAt: '2026-11-21T10:15:30.000Z',
      status: 'parked',
      waitingBehind: 0,
      acts: [],
    },
  };
}

const notFound: FakeAnswer = { status: 404, body: { code: 'not_found' } };

/** A service that has parked these messages, and answers acts with `settled`. */
function parking(service: string, numbers: readonly number[], settled: FakeAnswer = notFound) {
  return ({ method, path }: Received): FakeAnswer => {
    const url = new URL(path, 'http://service');
    if (method === 'POST') return settled;
    if (url.pathname !== '/parked-messages')
      return numbers.some((n) => url.pathname.endsWith(idOf(n)))
        ? { status: 200, body: `{"service":"${service}",  "payload":"{"}` }
        : notFound;
    const cursor = url.searchParams.get('cursor') ?? 'z';
    const limit = Number(url.searchParams.get('limit'));
    const found = numbers.map((n) => message(service, n)).filter(({ id }) => id < cursor);
    const items = found.toSorted((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit);
    return { status: 200, body: { items, nextCursor: found.length > limit ? items.at(-1)?.id : null } };
  };
}

type Listed = { items: { id: string; service: string }[]; nextCursor: string | null; unavailable: string[] };

test('parked messages of all services are listed together, newest first, and every page goes on where the one before ended', async (t) => {
  const order = await fakeService(t, parking('order', [5, 6]));
  const inventory = await fakeService(t, parking('inventory', []));
  const payment = await fakeService(t, parking('payment', [1, 2, 3]));
  const notification = await fakeService(t, parking('notification', [4]));
  const urls = { order: order.url, inventory: inventory.url, payment: payment.url, notification: notification.url };
  const { app, operator } = await openDoor(t, urls);
  const headers = await operator();
  for (const limit of [1, 3]) {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const url: string = `/v1/parked-messages?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { items, nextCursor, unavailable } = (await app.inject({ url, headers })).json<Listed>();
      assert.deepEqual([items.length, unavailable], [limit, []]);
      seen.push(...items.map(({ id }) => id.slice(-1)));
      cursor = nextCursor;
    }
    assert.deepEqual(seen, ['6', '5', '4', '3', '2', '1']);
  }
});

test('a service that is down is named, and what the others parked is listed all the same', async (t) => {
  const order = await fakeService(t, parking('order', [1]));
  const inventory = await fakeService(t, () => ({ status: 503, body: {} }));
  const notification = await fakeService(t, parking('notification', []));
  const urls = { order: order.url, inventory: inventory.url, notification: notification.url };
  const { app, operator } = await openDoor(t, urls);
  const answer = await app.inject({ url: '/v1/parked-messages', headers: await operator() });
  const { items, unavailable } = answer.json<Listed>();
  assert.deepEqual([items.map(({ id }) => id), unavailable], [[idOf(1)], ['inventory', 'payment']]);
});

test('a message is shown, replayed and discarded by the service that parked it, and its answer passes as it is', async (t) => {
  const settled = { status: 200, body: '{"status":"replayed",  "next":null}' };
  const order = await fakeService(t, parking('order', [2]));
  const payment = await fakeService(t, parking('payment', [1], settled));
  const { app, operator } = await openDoor(t, { order: order.url, payment: payment.url });
  const headers = await operator();
  const url = `/v1/parked-messages/${idOf(1)}`;
  assert.equal((await app.inject({ url, headers })).body, '{"service":"payment",  "payload":"{"}');
  const replayed = await app.inject({ method: 'POST', url: `${url}/replay`, headers });
  assert.deepEqual([replayed.statusCode, replayed.body], [200, settled.body]);
  await app.inject({ method: 'POST', url: `${url}/discard`, headers, payload: { reason: 'a forgery' } });
  const acts = payment.received.filter(({ method }) => method === 'POST');
  assert.deepEqual(
    acts.map(({ path, body }) => [path, body]),
    [
      [`/parked-messages/${idOf(1)}/replay`, ''],
      [`/parked-messages/${idOf(1)}/discard`, '{"reason":"a forgery"}'],
    ],
  );
  assert.equal(acts[0]?.headers.authorization, headers.authorization);
  assert.ok(order.received.every(({ method }) => method === 'GET'));
});

test('a forbidden discard comes back as the 409 that the service said', async (t) => {
  const forbidden = { status: 409, body: { code: 'discard_forbidden' } };
  const payment = await fakeService(t, parking('payment', [1], forbidden));
  const { app, operator } = await openDoor(t, { payment: payment.url });
  const url = `/v1/parked-messages/${idOf(1)}/discard`;
  const answer = await app.inject({ method: 'POST', url, headers: await operator(), payload: { reason: 'away' } });
  assert.deepEqual([answer.statusCode, answer.json<{ code: string }>().code], [409, 'discard_forbidden']);
});

test('an outcome that the order service never said is a forgery, and its discard is repeated with that', async (t) => {
  const forbidden = { status: 409, body: { code: 'discard_forbidden' } };
  const shown = { status: 200, body: { key: idOf(7), eventId: idOf(8) } };
  for (const { timeline, expected } of [
    { timeline: { status: 404, body: {} }, expected: 200 },
    { timeline: { status: 200, body: { items: [{ id: idOf(6) }] } }, expected: 200 },
    { timeline: { status: 200, body: { items: [{ id: idOf(8) }] } }, expected: 409 },
    { timeline: { status: 503, body: {} }, expected: 409 },
  ]) {
    const payment = await fakeService(t, ({ method, body }) => {
      if (method !== 'POST') return shown;
      return body.includes('"neverSaid":true') ? { status: 200, body: { status: 'discarded' } } : forbidden;
    });
    const order = await fakeService(t, ({ path }) => (path === `/orders/${idOf(7)}/timeline` ? timeline : notFound));
    const { app, operator } = await openDoor(t, { payment: payment.url, order: order.url });
    const url = `/v1/parked-messages/${idOf(1)}/discard`;
    const answer = await app.inject({ method: 'POST', url, headers: await operator(), payload: { reason: 'forged' } });
    assert.equal(answer.statusCode, expected);
  }
});

test('a message nobody has is not found; while a service is silent it may be there', async (t) => {
  const url = `/v1/parked-messages/${idOf(9)}`;
  const none = async () => (await fakeService(t, parking('any', []))).url;
  const urls = { order: await none(), inventory: await none(), payment: await none() };
  const whole = await openDoor(t, { ...urls, notification: await none() });
  assert.equal((await whole.app.inject({ url, headers: await whole.operator() })).statusCode, 404);
  const partly = await openDoor(t, urls);
  const answer = await partly.app.inject({ method: 'POST', url: `${url}/replay`, headers: await partly.operator() });
  assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [503, '1']);
  assert.match(answer.json<{ detail: string }>().detail, /notification may have it/);
});

test("an operator's word that a paused service's messages are at fault reaches that service", async (t) => {
  const payment = await fakeService(
    t,
    parking('payment', [], { status: 200, body: { service: 'payment', released: 'x' } }),
  );
  const { app, operator, customer } = await openDoor(t, { payment: payment.url });
  const call = { method: 'POST', url: '/v1/services/payment/pause/release', payload: { reason: 'a bug' } } as const;
  assert.equal((await app.inject({ ...call, headers: await customer() })).statusCode, 403);
  const headers = await operator();
  assert.equal((await app.inject({ ...call, url: '/v1/services/gateway/pause/release', headers })).statusCode, 400);
  const answer = await app.inject({ ...call, headers });
  assert.deepEqual([answer.statusCode, answer.json<{ released: string }>().released], [200, 'x']);
  assert.deepEqual(
    payment.received.map(({ method, path }) => `${method} ${path}`),
    ['POST /pause/release'],
  );
});

test('only an operator gets to parked messages, and a wrong id or no reason is refused with a pointer', async (t) => {
  const payment = await fakeService(t, parking('payment', [1]));
  const { app, customer, operator } = await openDoor(t, { payment: payment.url });
  const calls = [
    ['GET', ''],
    ['GET', `/${idOf(1)}`],
    ['POST', `/${idOf(1)}/replay`],
    ['POST', `/${idOf(1)}/discard`],
  ] as const;
  const payload = { reason: 'mine' };
  for (const [method, path] of calls) {
    const call = { method, url: `/v1/parked-messages${path}`, ...(path.endsWith('discard') ? { payload } : {}) };
    assert.equal((await app.inject({ ...call, headers: await customer() })).statusCode, 403, path);
    assert.equal((await app.inject(call)).statusCode, 401, path);
  }
  const headers = await operator();
  const refusals = [
    [`/${idOf(1)}/discard`, {}, '/reason'],
    [`/${idOf(1)}/discard`, { reason: ' ' }, '/reason'],
    [`/${idOf(1)}/discard`, { reason: 'x'.repeat(501) }, '/reason'],
    [`/${idOf(1)}/discard`, undefined, ''],
    ['/42/replay', undefined, '/params/id'],
  ] as const;
  for (const [path, body, pointer] of refusals) {
    const call = { method: 'POST', url: `/v1/parked-messages${path}`, headers } as const;
    const answer = await app.inject(body === undefined ? call : { ...call, payload: body });
    assert.deepEqual(
      [answer.statusCode, answer.json<{ errors: { pointer: string }[] }>().errors[0]?.pointer],
      [400, pointer],
    );
  }
  assert.equal(payment.received.length, 0);
});
