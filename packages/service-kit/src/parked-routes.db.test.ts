import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { newId, type CustomerId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { createBatchHandler } from './batch.ts';
import { createPool } from './database.ts';
import { createEvidence } from './evidence.ts';
import { createHttpApp } from './http-app.ts';
import { migrateDatabase } from './migrate.ts';
import { parkedAlarm } from './parked-alarm.ts';
import { registerParkedRoutes } from './parked-routes.ts';
import { Problem } from './problem.ts';
import type { Caller } from './token.ts';
import type { Participant } from './participant.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const callers: Record<string, Caller> = {
  ada: { kind: 'operator', name: 'ada' },
  bob: { kind: 'customer', customerId: newId<CustomerId>(), email: null },
};

type Item = { id: string; service: string; key: string; waitingBehind: number; acts: { operator: string }[] };
type Listed = { items: Item[]; nextCursor: string | null };

/** The routes of a service that handles nothing but what it can read. */
async function openRoutes(t: TestContext) {
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: import.meta.dirname }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const participant: Participant<null, never> = {
    hears: [],
    load: async () => null,
    react: () => {},
    save: async () => {},
  };
  const app = createHttpApp({ logger, alarms: [parkedAlarm(pool)] });
  const verify = async (authorization: string | undefined): Promise<Caller> => {
    const caller = callers[authorization ?? ''];
    if (caller === undefined) throw new Problem({ status: 401, code: 'unauthorized', detail: '' });
    return caller;
  };
  const evidence = createEvidence();
  registerParkedRoutes(app, { service: 'payment', pool, participant, verifier: { verify }, logger, evidence });
  t.after(async () => {
    await app.close();
    await pool.end();
  });
  const handle = createBatchHandler({ pool, participant, logger });
  const placed = (orderId = newId<OrderId>()) =>
    recordOf(eventOf({ type: 'order.placed', data: placedData({ orderId }) }));
  const call = async (method: 'GET' | 'POST', path: string, options: { as?: string; body?: unknown } = {}) => {
    const { as = 'ada', body } = options;
    const answer = await app.inject({
      ...{ method, url: `/parked-messages${path}`, headers: { authorization: as } },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return { status: answer.statusCode, body: answer.json<unknown>() };
  };
  return {
    ...{ call, pool, evidence },
    release: async (as: string, reason: string) => {
      const headers = { authorization: as };
      const answer = await app.inject({ method: 'POST', url: '/pause/release', headers, payload: { reason } });
      return { status: answer.statusCode, body: answer.json<{ released?: string; code?: string }>() };
    },
    alarms: async () => (await app.inject('/readyz')).json<{ alarms: string[] }>().alarms,
    list: async (query = '') => (await call('GET', query)).body as Listed,
    /** Parks one order's message that is no JSON, with `behind` more of that order behind it. */
    park: async (behind = 0, value: Buffer = Buffer.from('{')) => {
      const orderId = newId<OrderId>();
      const poison = { ...placed(orderId), value: value.toString('utf8'), bytes: value };
      await handle([poison, ...Array.from({ length: behind }, () => placed(orderId))], new AbortController().signal);
      return poison;
    },
  };
}

test('parked messages are listed page by page, the newest first', async (t) => {
  const routes = await openRoutes(t);
  const keys: (string | null)[] = [];
  for (let n = 0; n < 5; n += 1) keys.unshift((await routes.park()).key);
  const first = await routes.list('?limit=3');
  const second = await routes.list(`?limit=3&cursor=${first.nextCursor}`);
  assert.deepEqual(
    [...first.items, ...second.items].map(({ key }) => key),
    keys,
  );
  assert.equal(second.nextCursor, null);
  assert.equal(first.items[0]?.service, 'payment');
});

test('a parked message is shown with its headers, its payload as it came, and what waits behind it', async (t) => {
  const routes = await openRoutes(t);
  const text = await routes.park(2);
  const [, , head] = (await routes.list()).items;
  const { status, body } = await routes.call('GET', `/${head?.id}`);
  const shown = body as Item & { payload: string; headers: Record<string, string>; waiting: Item[]; attempts: number };
  assert.deepEqual([status, shown.key, shown.payload, shown.attempts], [200, text.key, '{', 1]);
  assert.equal(shown.headers['ce_id'], text.headers['ce_id']);
  assert.deepEqual([shown.waitingBehind, shown.waiting.map(({ waitingBehind }) => waitingBehind)], [2, [1, 0]]);

  await routes.park(0, Buffer.from([0xff, 0x00, 0x7b]));
  const [binary] = (await routes.list('?limit=1')).items;
  const { payload, payloadEncoding } = (await routes.call('GET', `/${binary?.id}`)).body as Record<string, unknown>;
  assert.deepEqual([payload, payloadEncoding], ['/wB7', 'base64']);
});

test('what an operator did is in the list of what is settled, and no longer in that of what is parked', async (t) => {
  const routes = await openRoutes(t);
  await routes.park(1);
  const [, head] = (await routes.list()).items;
  const { status, body } = await routes.call('POST', `/${head?.id}/discard`, { body: { reason: 'a forgery' } });
  assert.deepEqual(
    [status, body],
    [200, { service: 'payment', id: head?.id, status: 'discarded', handledBehind: 1, next: null }],
  );
  assert.deepEqual((await routes.list()).items, []);
  const [discarded] = (await routes.list('?status=discarded')).items;
  assert.deepEqual([discarded?.id, discarded?.acts[0]?.operator], [head?.id, 'ada']);
  assert.equal((await routes.list('?status=replayed')).items.length, 1);
});

test('while messages are parked the service says so to whoever asks how it is', async (t) => {
  const routes = await openRoutes(t);
  assert.deepEqual(await routes.alarms(), []);
  await routes.park(1);
  const [alarm] = await routes.alarms();
  assert.match(alarm ?? '', /^parked messages: 2, the first for \d+ s \(npm run parked\)$/);
  const [, head] = (await routes.list()).items;
  await routes.call('POST', `/${head?.id}/discard`, { body: { reason: 'a forgery' } });
  assert.deepEqual(await routes.alarms(), []);
});

test('an operator has the messages parked that consumption is paused for, with who, when and why kept', async (t) => {
  const { release, evidence, pool } = await openRoutes(t);
  assert.deepEqual((await release('ada', 'why')).body.code, 'not_paused');
  const fail = (n: number) => evidence.failed({ id: `${n}`, type: 'order.placed', key: `${n}` }, new TypeError('x'));
  for (const n of [1, 2, 3]) fail(n);
  assert.equal((await release('bob', 'mine')).status, 403);
  assert.equal((await release('ada', ' ')).status, 400);
  assert.equal(fail(1), 'place');
  assert.deepEqual(await release('ada', 'of a broken producer'), {
    status: 200,
    body: { service: 'payment', released: 'TypeError: x' },
  });
  assert.equal(fail(1), 'message');
  const { rows } = await pool.query('select operator, reason, error from pause_releases');
  assert.deepEqual(rows, [{ operator: 'ada', reason: 'of a broken producer', error: 'TypeError: x' }]);
});

test('only an operator sees parked messages and acts on them', async (t) => {
  const routes = await openRoutes(t);
  await routes.park();
  const [{ id } = { id: '' }] = (await routes.list()).items;
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['GET', `/${id}`, undefined],
    ['POST', `/${id}/replay`, undefined],
    ['POST', `/${id}/discard`, { reason: 'mine' }],
  ] as const) {
    assert.equal((await routes.call(method, path, { as: 'bob', body })).status, 403, `${method} ${path}`);
    assert.equal((await routes.call(method, path, { as: 'nobody', body })).status, 401, `${method} ${path}`);
  }
  assert.equal((await routes.list()).items.length, 1);
});

test('a wrong id, or a discard without a reason one can read, is refused with a pointer', async (t) => {
  const routes = await openRoutes(t);
  await routes.park();
  const [{ id } = { id: '' }] = (await routes.list()).items;
  const pointerOf = (body: unknown) => (body as { errors?: { pointer: string }[] }).errors?.[0]?.pointer;
  for (const [body, pointer] of [
    [{}, '/reason'],
    [{ reason: '' }, '/reason'],
    [{ reason: '  ' }, '/reason'],
    [{ reason: 'x'.repeat(501) }, '/reason'],
    [{ reason: 'a\0b' }, '/reason'],
    [{ reason: 'a\nb' }, '/reason'],
    [{ reason: 'ok', force: true }, '/force'],
    [undefined, ''],
  ] as const) {
    const answer = await routes.call('POST', `/${id}/discard`, { body });
    assert.deepEqual([answer.status, pointerOf(answer.body)], [400, pointer], JSON.stringify(body));
  }
  assert.equal((await routes.call('POST', '/42/replay')).status, 400);
  assert.equal((await routes.call('GET', `/${newId<EventId>()}`)).status, 404);
  assert.equal((await routes.call('POST', `/${newId<EventId>()}/replay`)).status, 404);
  assert.equal((await routes.list()).items.length, 1);
});
