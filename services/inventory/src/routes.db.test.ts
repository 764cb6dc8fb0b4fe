import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newId, type CustomerId, type EventId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { Problem } from '@sagamart/service-kit/problem';
import type { Caller } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { buildApp } from './app.ts';
import { createParticipant } from './messages.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const clock = { now: () => new Date(), newEventId: newId<EventId> };
const customerId = newId<CustomerId>();
const callers: Record<string, Caller> = {
  ada: { kind: 'customer', customerId, email: null },
  bob: { kind: 'customer', customerId: newId<CustomerId>(), email: null },
  operator: { kind: 'operator', name: 'grace' },
};

async function service(t: TestContext) {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'inventory',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const verify = async (authorization: string | undefined) => {
    const caller = callers[authorization ?? ''];
    if (caller === undefined) throw new Problem({ status: 401, code: 'unauthorized', detail: '' });
    return caller;
  };
  const app = buildApp({ pool, clock, verifier: { verify }, logger, readiness: [], alarms: [] });
  t.after(async () => {
    await app.close();
    await pool.end();
  });
  const get = async (path: string, authorization = 'ada') =>
    (await app.inject({ url: path, headers: { authorization } })).json();
  const put = (sku: string, body: object, authorization = 'operator') =>
    app.inject({ method: 'PUT', url: `/products/${sku}`, headers: { authorization }, payload: body });
  const restock = (sku: string, body: object, key: string = newId<EventId>(), authorization = 'operator') =>
    app.inject({
      method: 'POST',
      url: `/products/${sku}/restock`,
      headers: { authorization, 'idempotency-key': key },
      payload: body,
    });
  return { pool, get, put, restock };
}

const mug = { name: 'Mug', description: 'Holds tea.', priceMinor: 1490, currency: 'EUR' };

test('an operator creates a product with no stock, adds some, and everyone sees it', async (t) => {
  const { get, put, restock } = await service(t);
  assert.deepEqual((await put('MUG', mug)).json(), { sku: 'MUG', ...mug, version: 1 });
  assert.deepEqual(await get('/products/MUG'), { sku: 'MUG', ...mug, available: 0 });
  const first = await restock('MUG', { quantity: 5 }, 'k1');
  assert.deepEqual([first.statusCode, first.json()], [200, { sku: 'MUG', available: 5 }]);
  assert.equal((await restock('MUG', { quantity: 5 }, 'k1')).body, first.body);
  assert.equal((await get('/products/MUG')).available, 5);
});

test('a change that changes nothing is no new version', async (t) => {
  const { put, pool } = await service(t);
  const versions: number[] = [];
  for (const body of [mug, mug, { ...mug, priceMinor: 1590 }]) versions.push((await put('MUG', body)).json().version);
  assert.deepEqual(versions, [1, 1, 2]);
  const { rows } = await pool.query<{ aggregate_version: number }>(
    'select aggregate_version from outbox order by aggregate_version',
  );
  assert.deepEqual(rows, [{ aggregate_version: 1 }, { aggregate_version: 2 }]);
});

test('two operators who create one product at once create it once', async (t) => {
  const { put } = await service(t);
  const replies = await Promise.all(
    Array.from({ length: 5 }, (_, price) => put('MUG', { ...mug, priceMinor: price + 1 })),
  );
  assert.deepEqual(
    replies.map((reply) => reply.json().version).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5],
  );
});

test('only operators change products, and what makes no sense is refused with its field', async (t) => {
  const { put, restock } = await service(t);
  await put('MUG', mug);
  assert.equal((await put('MUG', mug, 'ada')).statusCode, 403);
  assert.equal((await restock('MUG', { quantity: 1 }, 'k', 'ada')).statusCode, 403);
  assert.equal((await restock('NO-SUCH', { quantity: 1 })).statusCode, 404);
  for (const quantity of [0, -1, 1.5, '1', 100_001]) {
    assert.equal((await restock('MUG', { quantity })).json().errors[0].pointer, '/quantity');
  }
  for (const [field, value] of Object.entries({ name: '', description: 'a\u0007', priceMinor: 0, currency: 'eur' })) {
    assert.equal((await put('MUG', { ...mug, [field]: value })).json().errors[0].pointer, `/${field}`);
  }
});

test('there is an end to how much of a product there can be', async (t) => {
  const { pool, put, restock } = await service(t);
  await put('MUG', mug);
  await pool.query('update stock set committed = 1999999990');
  assert.equal((await restock('MUG', { quantity: 11 })).json().code, 'stock_full');
  assert.equal((await restock('MUG', { quantity: 10 })).statusCode, 200);
});

test('products are listed page by page', async (t) => {
  const { get, put } = await service(t);
  for (const sku of ['CC', 'AA', 'BB']) await put(sku, mug);
  const first = await get('/products?limit=2');
  assert.deepEqual(
    first.items.map((item: { sku: string }) => item.sku),
    ['AA', 'BB'],
  );
  const second = await get(`/products?limit=2&cursor=${first.nextCursor}`);
  assert.deepEqual([second.items.map((item: { sku: string }) => item.sku), second.nextCursor], [['CC'], null]);
  assert.equal((await get('/products')).items.length, 3);
});

test('a reservation is shown to its customer and to operators; to anyone else it is not there', async (t) => {
  const { pool, get } = await service(t);
  const order = placedData({ customerId });
  const handle = createBatchHandler({ pool, participant: createParticipant(clock), logger });
  await handle([recordOf(eventOf({ type: 'order.placed', data: order }))], new AbortController().signal);
  const path = `/reservations/${order.orderId}`;
  assert.deepEqual(await get(path), { orderId: order.orderId, status: 'rejected' });
  assert.equal((await get(path, 'operator')).status, 'rejected');
  assert.equal((await get(path, 'bob')).code, 'not_found');
});

test('an order that was cancelled before anything was held for it has no reservation to show', async (t) => {
  const { pool, get } = await service(t);
  const { orderId, lines, totalMinor, currency } = placedData({ customerId });
  const cancelled = {
    reason: 'customer_cancelled',
    cancelledAt: clock.now().toISOString(),
    confirmedAt: null,
  } as const;
  const data = { orderId, customerId, contact: { email: null }, lines, totalMinor, currency, ...cancelled };
  const handle = createBatchHandler({ pool, participant: createParticipant(clock), logger });
  await handle([recordOf(eventOf({ type: 'order.cancelled', data }))], new AbortController().signal);
  assert.equal((await get(`/reservations/${orderId}`, 'operator')).code, 'not_found');
});
