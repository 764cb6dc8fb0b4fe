import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EventBody } from '@sagamart/contracts/events';
import { newId, type CustomerId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { Problem } from '@sagamart/service-kit/problem';
import type { Caller } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { renderMetrics } from '@sagamart/telemetry/metrics';
import { eventOf, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { readMetric } from '@sagamart/test-kit/read-metric';
import { buildApp } from './app.ts';
import { createParticipant } from './messages.ts';
import { readUndecided } from './order-store.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

const ada: Caller = { kind: 'customer', customerId: newId<CustomerId>(), email: 'ada@example.org' };
const bob: Caller = { kind: 'customer', customerId: newId<CustomerId>(), email: null };
const callers: Record<string, Caller> = { ada, bob, operator: { kind: 'operator', name: 'grace' } };

async function service(t: TestContext) {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'order',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const verify = async (authorization: string | undefined): Promise<Caller> => {
    const caller = callers[authorization ?? ''];
    if (caller === undefined) throw new Problem({ status: 401, code: 'unauthorized', detail: '' });
    return caller;
  };
  const app = buildApp({
    pool,
    clock,
    verifier: { verify },
    logger,
    readiness: [],
    alarms: [],
    checkoutDeadlineMs: 60_000,
    cancelWindowMs: 900_000,
  });
  t.after(async () => {
    await app.close();
    await pool.end();
  });
  const handle = createBatchHandler({ pool, participant: createParticipant(clock), logger });
  await handle([recordOf(product(1, 1490)), recordOf(product(1, 990, 'CUP'))], signal);

  const place = (body: unknown, options: { as?: string; key?: string } = {}) =>
    app.inject({
      method: 'POST',
      url: '/orders',
      headers: { authorization: options.as ?? 'ada', 'idempotency-key': options.key ?? newId<EventId>() },
      payload: body as object,
    });
  const get = (path: string, as = 'ada') => app.inject({ url: path, headers: { authorization: as } });
  const count = async (table: string) =>
    (await pool.query<{ n: number }>(`select count(*) as n from ${table}`)).rows[0]?.n;
  const cancel = (orderId: string, as = 'ada') =>
    app.inject({ method: 'POST', url: `/orders/${orderId}/cancel`, headers: { authorization: as } });
  return { pool, handle, place, get, cancel, count };
}

function product(version: number, priceMinor: number, sku = 'MUG') {
  const data = { sku: skuOf(sku), version, name: sku, description: '', priceMinor, currency: 'EUR' } as const;
  return eventOf({ type: 'product.changed', data }, { aggregateVersion: version });
}

const twoMugs = { lines: [{ sku: 'MUG', quantity: 2 }], paymentMethod: 'tok_visa' };

test('an order is accepted with its price and a deadline, and order.placed is said with it', async (t) => {
  const { pool, place } = await service(t);
  const reply = await place(twoMugs);
  assert.equal(reply.statusCode, 202);
  const { orderId, ...accepted } = reply.json();
  assert.equal(reply.headers.location, `/v1/orders/${orderId}`);
  assert.partialDeepStrictEqual(accepted, { status: 'pending', totalMinor: 2980, currency: 'EUR' });
  const { rows } = await pool.query(
    'select topic, partition_key, type, source, causation_id, aggregate_version, lamport from outbox',
  );
  assert.deepEqual(rows, [
    {
      topic: 'order.events',
      partition_key: orderId,
      type: 'order.placed',
      source: '/order',
      causation_id: null,
      aggregate_version: 1,
      lamport: 1,
    },
  ]);
});

test('the same key gives the same order, and two at once place one', async (t) => {
  const { place, count } = await service(t);
  const first = await place(twoMugs, { key: 'k1' });
  const second = await place(twoMugs, { key: '"k1"' });
  assert.deepEqual(
    [second.statusCode, second.body, second.headers.location],
    [202, first.body, first.headers.location],
  );
  const replies = await Promise.all(Array.from({ length: 10 }, () => place(twoMugs, { key: 'k2' })));
  for (const reply of replies)
    assert.ok(reply.statusCode === 202 || reply.json().code === 'request_in_progress', reply.body);
  assert.equal((await place({ ...twoMugs, paymentMethod: 'tok_declined' }, { key: 'k1' })).statusCode, 422);
  assert.equal(await count('orders'), 2);
  assert.equal(await count('idempotency_keys'), 2);
});

test('what cannot be accepted is refused with a pointer to the field, and leaves no row', async (t) => {
  const { place, count } = await service(t);
  const line = { sku: 'MUG', quantity: 1 };
  const cases: [unknown, number, string, string][] = [
    [{ ...twoMugs, lines: [line, { sku: 'NO-SUCH', quantity: 1 }] }, 422, 'unknown_sku', '/lines/1/sku'],
    [{ ...twoMugs, lines: [{ ...line, expectedPriceMinor: 1 }] }, 409, 'price_changed', '/lines/0/expectedPriceMinor'],
    [{ ...twoMugs, lines: [{ sku: 'MUG', quantity: 100 }] }, 400, 'invalid_request', '/lines/0/quantity'],
    [{ ...twoMugs, lines: [{ sku: 'MUG', quantity: 1.5 }] }, 400, 'invalid_request', '/lines/0/quantity'],
    [{ ...twoMugs, lines: [{ sku: 'MUG', quantity: '1' }] }, 400, 'invalid_request', '/lines/0/quantity'],
    [{ ...twoMugs, lines: [] }, 400, 'invalid_request', '/lines'],
    [{ ...twoMugs, lines: Array.from({ length: 51 }, () => line) }, 400, 'invalid_request', '/lines'],
    [{ ...twoMugs, email: 'no address' }, 400, 'invalid_request', '/email'],
    [{ ...twoMugs, email: 'a\0@b.org' }, 400, 'invalid_request', '/email'],
    [{ lines: [line] }, 400, 'invalid_request', '/paymentMethod'],
    [{ ...twoMugs, totalMinor: 1 }, 400, 'invalid_request', '/totalMinor'],
    [{ ...twoMugs, lines: [{ ...line, priceMinor: 1 }] }, 400, 'invalid_request', '/lines/0/priceMinor'],
  ];
  for (const [body, status, code, pointer] of cases) {
    const reply = await place(body);
    assert.deepEqual(
      [reply.statusCode, reply.json().code, reply.json().errors?.[0]?.pointer],
      [status, code, pointer],
      JSON.stringify(body),
    );
  }
  for (const table of ['orders', 'outbox', 'order_timeline', 'idempotency_keys'])
    assert.equal(await count(table), 0, table);
});

test("somebody else's order is not found, and an operator may see it", async (t) => {
  const { place, get } = await service(t);
  const { orderId } = (await place(twoMugs)).json();
  for (const path of [`/orders/${orderId}`, `/orders/${orderId}/timeline`]) {
    assert.deepEqual(
      [(await get(path)).statusCode, (await get(path, 'bob')).statusCode, (await get(path, 'operator')).statusCode],
      [200, 404, 200],
    );
    assert.equal((await get(path, 'nobody')).statusCode, 401);
  }
  assert.equal((await get(`/orders/${newId<OrderId>()}`)).statusCode, 404);
  assert.equal((await place(twoMugs, { as: 'operator' })).statusCode, 403);
});

test('a customer sees own orders only, newest first, page by page', async (t) => {
  const { place, get } = await service(t);
  const placed: string[] = [];
  for (let n = 0; n < 5; n += 1) placed.unshift((await place(twoMugs)).json().orderId);
  await place(twoMugs, { as: 'bob' });
  const first = (await get('/orders?limit=3')).json();
  const second = (await get(`/orders?limit=3&cursor=${first.nextCursor}`)).json();
  assert.deepEqual(
    [...first.items, ...second.items].map((order: { orderId: string }) => order.orderId),
    placed,
  );
  assert.equal(second.nextCursor, null);
  assert.equal((await get('/orders')).json().items.length, 5);
});

test('an order is confirmed by the capture, and its timeline tells who caused what', async (t) => {
  const { handle, place, get } = await service(t);
  const { orderId, totalMinor } = (await place(twoMugs)).json();
  const [placedEvent] = (await get(`/orders/${orderId}/timeline`)).json().items;
  const captured: EventBody<'payment.captured'> = {
    type: 'payment.captured',
    data: { orderId, captureId: 'c1', amountMinor: totalMinor, currency: 'EUR' },
  };
  const event = eventOf(captured, { source: '/payment', causationId: placedEvent.id, lamport: 4 });
  await handle([recordOf(event), recordOf(event)], signal);
  const order = (await get(`/orders/${orderId}`)).json();
  assert.deepEqual([order.status, order.heard.payment], ['confirmed', 'captured']);
  const { items } = (await get(`/orders/${orderId}/timeline`)).json();
  assert.deepEqual(
    items.map((item: Record<string, unknown>) => [item['lamport'], item['type'], item['causationId']]),
    [
      [1, 'order.placed', null],
      [4, 'payment.captured', placedEvent.id],
      [5, 'order.confirmed', event.id],
    ],
  );
});

test('the copy of a product only moves forward', async (t) => {
  const { pool, handle, get } = await service(t);
  await handle([recordOf(product(3, 1600)), recordOf(product(2, 1550))], signal);
  await handle([recordOf(product(2, 1555))], signal);
  assert.partialDeepStrictEqual((await get('/catalogue/MUG', 'operator')).json(), { version: 3, priceMinor: 1600 });
  const { rows } = await pool.query<{ lamport: number }>(`select lamport from products where sku = 'MUG'`);
  assert.deepEqual(rows, [{ lamport: 5 }], 'four events were heard, each a transition');
  assert.equal((await get('/catalogue/MUG')).statusCode, 403);
});

test('a customer cancels once: the second time changes nothing, somebody else cannot, and it belongs to the order.placed', async (t) => {
  const { pool, place, cancel } = await service(t);
  const { orderId } = (await place(twoMugs)).json();
  assert.equal((await cancel(orderId, 'bob')).statusCode, 404);
  for (let n = 0; n < 2; n += 1) {
    const reply = await cancel(orderId);
    assert.deepEqual([reply.statusCode, reply.json()], [202, { orderId, status: 'cancelled' }]);
  }
  const { rows } = await pool.query<{ type: string; lamport: number; caused: boolean }>(`
    select type, lamport, causation_id = first_value(event_id::text) over (order by aggregate_version) as caused
    from outbox order by aggregate_version`);
  assert.deepEqual(rows, [
    { type: 'order.placed', lamport: 1, caused: null },
    { type: 'order.cancelled', lamport: 2, caused: true },
  ]);
});

test('a confirmed order is cancelled within its window, and refused after it', async (t) => {
  const { pool, handle, place, cancel, get } = await service(t);
  const confirm = async () => {
    const { orderId, totalMinor } = (await place(twoMugs)).json();
    const data = { orderId, captureId: orderId, amountMinor: totalMinor, currency: 'EUR' } as const;
    await handle([recordOf(eventOf({ type: 'payment.captured', data }))], signal);
    return orderId;
  };
  const [fresh, old] = [await confirm(), await confirm()];
  await pool.query(`update orders set confirmed_at = confirmed_at - interval '16 minutes' where order_id = $1`, [old]);
  assert.equal((await cancel(fresh)).statusCode, 202);
  assert.deepEqual([(await cancel(old)).statusCode, (await cancel(old)).json().code], [409, 'cancel_window_closed']);
  assert.deepEqual(
    [(await get(`/orders/${fresh}`)).json().status, (await get(`/orders/${old}`)).json().status],
    ['cancelled', 'confirmed'],
  );
});

test('the metrics count an order as pending until it is decided, and its outcome once', async (t) => {
  const { pool, handle, place, cancel } = await service(t);
  const counts = async () => {
    const text = await renderMetrics();
    return ['confirmed', 'customer_cancelled'].map(
      (outcome) => readMetric(text, 'sagamart_saga_duration_seconds_count', { outcome }) ?? 0,
    );
  };
  const [confirmedBefore = 0, cancelledBefore = 0] = await counts();
  const [{ orderId: kept, totalMinor }, { orderId: undone }] = [
    (await place(twoMugs)).json(),
    (await place(twoMugs)).json(),
  ];
  await pool.query(`update orders set placed_at = placed_at - interval '1 hour' where order_id = $1`, [kept]);
  const [undecided] = await readUndecided(pool);
  assert.deepEqual([undecided?.state, undecided?.rows], ['order_pending', 2]);
  assert.ok(Number(undecided?.oldestAgeSeconds) >= 3_600);

  const data = { orderId: kept, captureId: kept, amountMinor: totalMinor, currency: 'EUR' } as const;
  await handle([recordOf(eventOf({ type: 'payment.captured', data }))], signal);
  await cancel(undone);
  // The saga had decided this order before.
  await cancel(kept);
  assert.deepEqual(await counts(), [confirmedBefore + 1, cancelledBefore + 1]);
  assert.deepEqual(await readUndecided(pool), [{ state: 'order_pending', rows: 0, oldestAgeSeconds: 0 }]);
});
