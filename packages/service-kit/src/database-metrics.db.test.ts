import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import { renderMetrics } from '@sagamart/telemetry/metrics';
import { eventOf, recordOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { readMetric } from '@sagamart/test-kit/read-metric';
import { createPool } from './database.ts';
import { inTransaction } from './transaction.ts';
import { observeDatabase } from './database-metrics.ts';
import { migrateDatabase } from './migrate.ts';
import { announceEvents, appendToOutbox } from './outbox.ts';
import { insertParked } from './parked.ts';

const voided = () => eventOf({ type: 'payment.voided', data: { orderId: newId<OrderId>() } });
const look = async (...names: string[]) => {
  const text = await renderMetrics();
  return names.map((name) => readMetric(text, `sagamart_${name}`));
};
const saidSoFar = async () =>
  readMetric(await renderMetrics(), 'sagamart_events_said_total', { type: 'payment.voided' });

// One process shows one database, so all of it is one test's.
test('the metrics tell what waits in the outbox and among the parked, and count and log only what was committed', async (t) => {
  // Slots have one name space a server.
  const slot = `metrics_${randomUUID().replaceAll('-', '')}`;
  let dropSlot: () => Promise<unknown> = async () => undefined;
  t.after(() => dropSlot());
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: import.meta.dirname }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  observeDatabase(pool, slot);

  const outbox = ['slot_active', 'outbox_unpublished', 'outbox_unpublished_oldest_age_seconds'];
  assert.deepEqual(await look(...outbox), [0, null, null], 'without a slot nobody knows what waits');
  dropSlot = () => pool.query('select pg_drop_replication_slot($1)', [slot]);
  const makeSlot = () => pool.query(`select pg_create_logical_replication_slot($1, 'pgoutput', false, true)`, [slot]);
  await makeSlot();
  assert.deepEqual(await look(...outbox), [0, 0, 0]);

  assert.deepEqual(await look('slot_sound'), [0], 'nobody knows of this slot');
  await pool.query(
    'insert into outbox_slot select slot_name, two_phase_at from pg_replication_slots where slot_name = $1',
    [slot],
  );
  assert.deepEqual(await look('slot_sound'), [1]);
  await dropSlot();
  assert.deepEqual(await look('slot_sound', 'outbox_unpublished'), [0, null], 'it is gone');
  await makeSlot();
  assert.deepEqual(await look('slot_sound', 'slot_active'), [0, 0], 'it was made again');

  assert.equal(await saidSoFar(), null);
  const log: { facts: object; message: string }[] = [];
  announceEvents('payment', { info: (facts, message) => void log.push({ facts, message }) });
  assert.equal(await saidSoFar(), 0);
  // More than the newest rows that are looked at first.
  await inTransaction(pool, (tx) => appendToOutbox(tx, Array.from({ length: 250 }, voided)));
  await assert.rejects(
    inTransaction(pool, async (tx) => {
      await appendToOutbox(tx, [voided()]);
      throw new Error('rolled back');
    }),
  );
  assert.equal(await saidSoFar(), 250);
  assert.equal(log.length, 250);
  const traced = { ...voided(), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
  await inTransaction(pool, (tx) => appendToOutbox(tx, [traced]));
  assert.deepEqual(log.at(-1), {
    message: 'payment.voided',
    facts: { orderId: traced.subject, lamport: 1, traceId: 'a'.repeat(32) },
  });
  const [, unpublished, age] = await look(...outbox);
  assert.equal(unpublished, 251);
  assert.ok(age !== undefined && age !== null && age > 0 && age < 60, `oldest ${age} s`);
  const [lag, retained, confirmed] = await look('slot_lag_bytes', 'slot_retained_wal_bytes', 'slot_confirmed_bytes');
  assert.ok(Number(retained) >= Number(lag) && Number(lag) > 250 * 100, `lag ${lag}, retained ${retained}`);

  await pool.query('select pg_replication_slot_advance($1, pg_current_wal_lsn())', [slot]);
  assert.deepEqual(await look(...outbox), [0, 0, 0]);
  const [moved] = await look('slot_confirmed_bytes');
  assert.ok(Number(moved) > Number(confirmed));

  const parked = ['parked_messages', 'parked_oldest_age_seconds'];
  assert.deepEqual(await look(...parked), [0, 0]);
  await inTransaction(pool, (tx) =>
    insertParked(tx, [{ record: recordOf(voided()), reason: 'unreachable', error: '' }]),
  );
  await pool.query(`update parked_messages set parked_at = now() - interval '1 hour'`);
  const [count, oldest] = await look(...parked);
  assert.equal(count, 1);
  assert.ok(Number(oldest) > 3_599 && Number(oldest) < 3_700, `parked for ${oldest} s`);

  assert.deepEqual(await look('pool_waiting'), [0]);
});
