import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { Pool } from 'pg';
import { createParticipant } from './messages.ts';
import type { ProviderReply } from './payment.ts';
import { startProviderCalls } from './provider-calls.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

async function payments(t: TestContext, capture: (orderId: OrderId) => Promise<ProviderReply>) {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'payment',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const calls = startProviderCalls({ pool, provider: { capture }, clock, logger });
  t.after(async () => {
    await calls.stop();
    await pool.end();
  });
  return {
    pool,
    calls,
    handle: createBatchHandler({ pool, participant: createParticipant(clock, calls.nudge), logger }),
  };
}

function orderToPay() {
  const data = placedData();
  const reserved = eventOf(
    { type: 'stock.reserved', data: { orderId: data.orderId, lines: [{ sku: skuOf('MUG'), quantity: 2 }] } },
    { lamport: 2 },
  );
  return { orderId: data.orderId, placed: eventOf({ type: 'order.placed', data }), reserved };
}

async function saidOf(pool: Pool, orderId: OrderId) {
  const { rows } = await pool.query<{ type: string; causation_id: string; lamport: number }>(
    'select type, causation_id, lamport from outbox where partition_key = $1 order by aggregate_version',
    [orderId],
  );
  return rows;
}

test('a capture starts once terms and stock are known, in either order, and its cause is the event that came last', async (t) => {
  const asked: OrderId[] = [];
  const { pool, handle } = await payments(t, async (orderId) => {
    asked.push(orderId);
    return { outcome: 'captured', captureId: `c-${orderId}` };
  });
  const [first, second] = [orderToPay(), orderToPay()];
  await handle([recordOf(first.placed), recordOf(first.reserved)], signal);
  await handle([recordOf(second.reserved), recordOf(second.placed)], signal);
  for (const [order, cause] of [
    [first, first.reserved],
    [second, second.placed],
  ] as const) {
    const said = await waitUntil('payment.captured', async () => {
      const rows = await saidOf(pool, order.orderId);
      return rows.length > 0 && rows;
    });
    assert.deepEqual(
      said.map(({ type, causation_id: causation }) => [type, causation]),
      [['payment.captured', cause.id]],
    );
    assert.ok((said[0]?.lamport ?? 0) > cause.lamport);
  }
  assert.deepEqual(asked.toSorted(), [first.orderId, second.orderId].toSorted());
});

test('a provider that does not answer is asked again until it does, and the order is charged one answer', async (t) => {
  let asked = 0;
  const { pool, handle } = await payments(t, async (orderId) => {
    asked += 1;
    if (asked < 3) throw new Error('the connection was lost');
    return { outcome: 'captured', captureId: `c-${orderId}` };
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('payment.captured', async () => (await saidOf(pool, orderId)).length > 0);
  assert.equal(asked, 3);
  assert.equal((await saidOf(pool, orderId)).length, 1);
});

test('no transaction is open while the provider is asked', async (t) => {
  const answer = Promise.withResolvers<ProviderReply>();
  let asked = false;
  const { pool, handle } = await payments(t, () => {
    asked = true;
    return answer.promise;
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the provider is asked', () => asked);
  const { rows } = await pool.query<{ open: number }>(
    `select count(*) as open from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  );
  assert.equal(rows[0]?.open, 0);
  answer.resolve({ outcome: 'declined', declineReason: 'insufficient_funds' });
  await waitUntil('payment.declined', async () =>
    (await saidOf(pool, orderId)).some(({ type }) => type === 'payment.declined'),
  );
});

test('a slow answer holds up nobody else', async (t) => {
  const never = Promise.withResolvers<ProviderReply>();
  const slow = orderToPay();
  const { pool, handle } = await payments(t, async (orderId) =>
    orderId === slow.orderId ? never.promise : { outcome: 'captured', captureId: `c-${orderId}` },
  );
  await handle([recordOf(slow.placed), recordOf(slow.reserved)], signal);
  const quick = orderToPay();
  await handle([recordOf(quick.placed), recordOf(quick.reserved)], signal);
  await waitUntil('the quick capture', async () => (await saidOf(pool, quick.orderId)).length > 0);
  assert.deepEqual(await saidOf(pool, slow.orderId), []);
  never.resolve({ outcome: 'declined', declineReason: 'late' });
});
