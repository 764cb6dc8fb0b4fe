import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { newId, type CustomerId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import type { Caller } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { buildApp } from './app.ts';
import { createParticipant } from './messages.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const clock = { now: () => new Date(), newEventId: newId<EventId> };

test('a payment is shown to its customer and to operators; to anyone else it is not there', async (t) => {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'payment',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const order = placedData();
  const unplaced = newId<OrderId>();
  const callers: Record<string, Caller> = {
    ada: { kind: 'customer', customerId: order.customerId, email: null },
    bob: { kind: 'customer', customerId: newId<CustomerId>(), email: null },
    operator: { kind: 'operator', name: 'grace' },
  };
  const verify = async (authorization: string | undefined) => {
    const caller = callers[authorization ?? ''];
    assert.ok(caller !== undefined);
    return caller;
  };
  const app = buildApp({
    pool,
    clock,
    committed: () => undefined,
    verifier: { verify },
    logger,
    readiness: [],
    alarms: [],
  });
  t.after(async () => {
    await app.close();
    await pool.end();
  });
  const handle = createBatchHandler({ pool, participant: createParticipant(clock, () => undefined), logger });
  const reserved = eventOf({
    type: 'stock.reserved',
    data: { orderId: unplaced, lines: [{ sku: skuOf('MUG'), quantity: 1 }] },
  });
  const records = [recordOf(eventOf({ type: 'order.placed', data: order })), recordOf(reserved)];
  await handle(records, new AbortController().signal);

  const get = async (orderId: OrderId, authorization: string) =>
    (await app.inject({ url: `/payments/${orderId}`, headers: { authorization } })).json();
  assert.deepEqual(await get(order.orderId, 'ada'), { orderId: order.orderId, status: 'waiting' });
  assert.equal((await get(order.orderId, 'operator')).status, 'waiting');
  assert.equal((await get(order.orderId, 'bob')).code, 'not_found');
  assert.equal((await get(unplaced, 'ada')).code, 'not_found', 'whose it is was not heard yet');
});
