import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newId, uuidv7TimeMs, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createPool } from '@sagamart/service-kit/database';
import { inTransaction } from '@sagamart/service-kit/transaction';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import type { Pool } from 'pg';
import type { Owed } from './payment.ts';
import { claimDueCalls, payments, postponeCall, readOwed, type DueCall } from './payment-store.ts';

const folder = join(import.meta.dirname, '../migrations');
const leaseMs = 60_000;
const terms = {
  amountMinor: 2980,
  currency: 'EUR',
  paymentMethod: 'tok_visa',
  deadline: '2026-01-01T00:01:00.000Z',
} as const;

async function freshPool(t: TestContext): Promise<Pool> {
  const { url } = await freshDatabase(t, {
    template: 'payment',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  return pool;
}

async function write(pool: Pool, orderId: OrderId, payment: Owed): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const reply = { outcome: 'voided' } as const;
    const locked = await payments.lock(tx, [{ type: 'reply', orderId, reply, causeId: null, traceparent: null }]);
    const row = locked.get(orderId);
    assert.ok(row !== undefined);
    await payments.write(tx, { rows: [{ ...row, payment, callCauseId: newId<EventId>() }], events: [], steps: [] });
  });
}

const claim = (pool: Pool, limit = 10): Promise<DueCall[]> => claimDueCalls(pool, { limit, leaseMs });
const inWords = (due: readonly DueCall[]) => due.map(({ payment, attempts }) => `${payment.status} ${attempts}`);

test('an answer that is owed is asked for at once and by one; another one of the same payment at once again, counted anew', async (t) => {
  const pool = await freshPool(t);
  const orderId = newId<OrderId>();
  await write(pool, orderId, { status: 'capturing', terms });
  const [capture] = await claim(pool);
  assert.ok(capture !== undefined);
  assert.deepEqual(inWords([capture]), ['capturing 1']);
  await write(pool, orderId, { status: 'capturing', terms });
  assert.deepEqual(await claim(pool), [], 'what is heard meanwhile does not end the lease');
  await postponeCall(pool, capture, { pauseMs: 0, answer: 'none' });
  assert.deepEqual(inWords(await claim(pool)), ['capturing 2']);

  await write(pool, orderId, { status: 'voiding', terms });
  assert.deepEqual(inWords(await claim(pool)), ['voiding 1']);
  await postponeCall(pool, capture, { pauseMs: 0, answer: 'none' });
  assert.deepEqual(await claim(pool), [], 'the end of a call that is not owed any more is nothing to the one that is');
});

test('who has waited longest is asked about first, and nobody before the time', async (t) => {
  const pool = await freshPool(t);
  const [late, early, later] = [newId<OrderId>(), newId<OrderId>(), newId<OrderId>()];
  for (const [orderId, seconds] of [
    [late, -1],
    [early, -2],
    [later, 60],
  ] as const) {
    await write(pool, orderId, { status: 'capturing', terms });
    const sql = `update payments set ask_at = now() + $2 * interval '1 second' where order_id = $1`;
    await pool.query(sql, [orderId, seconds]);
  }
  const first = await claim(pool, 1);
  const rest = await claim(pool);
  assert.deepEqual(
    [...first, ...rest].map(({ orderId }) => orderId),
    [early, late],
  );
});

test('of each kind of answer that the provider owes, the number and the age of the oldest are known', async (t) => {
  const pool = await freshPool(t);
  const refunding = { status: 'refunding', terms, captureId: 'cap-1' } as const;
  for (const [orderId, payment] of [
    [newId<OrderId>(), { status: 'capturing', terms }],
    [newId<OrderId>(), refunding],
    [newId<OrderId>(), { ...refunding, captureId: 'cap-2' }],
  ] as const)
    await write(pool, orderId, payment);
  const longAgo = newId<EventId>().replace(/^.{13}/, '019a0000-0000');
  await pool.query(`update payments set call_cause_id = $1 where capture_id = 'cap-2'`, [longAgo]);
  const owed = new Map((await readOwed(pool)).map(({ state, ...each }) => [state, each]));
  assert.deepEqual(
    ['payment_capturing', 'payment_voiding', 'payment_refunding'].map((state) => owed.get(state)?.rows),
    [1, 0, 2],
  );
  assert.equal(owed.get('payment_voiding')?.oldestAgeSeconds, 0);
  const ageMs = Date.now() - uuidv7TimeMs(longAgo);
  assert.ok(Math.abs(Number(owed.get('payment_refunding')?.oldestAgeSeconds) * 1_000 - ageMs) < 60_000);
});
