import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { counterMax, dataBytesMax, headerBytesMax } from '@sagamart/contracts/bounds';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { createBatchHandler } from './batch.ts';
import type { Participant } from './participant.ts';
import { createPool } from './database.ts';
import { inTransaction } from './transaction.ts';
import { migrateDatabase } from './migrate.ts';
import { appendToOutbox } from './outbox.ts';
import { createParkedActs } from './parked-acts.ts';
import { findParked } from './parked-store.ts';
import { causedBy, transition } from './transition.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

/** A service that says payment.declined of every order, with a reason of this length. */
async function openService(t: TestContext, reasonLength = 10) {
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: import.meta.dirname }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  const participant: Participant<ReturnType<typeof said>, 'order.placed' | 'order.cancelled'> = {
    hears: ['order.placed', 'order.cancelled'],
    load: async () => [],
    react: (work, event) => void work.push(...said(event)),
    save: (tx, work) => appendToOutbox(tx, work),
  };
  function said(event: Parameters<typeof causedBy>[0] & { data: { orderId: OrderId } }) {
    const data = { orderId: event.data.orderId, declineReason: 'r'.repeat(reasonLength) };
    const counters = { lamport: 0, version: 0 };
    return transition('/test', counters, causedBy(event), [{ type: 'payment.declined', data } as const], clock).events;
  }
  const handle = createBatchHandler({ pool, participant, logger });
  const idOf = async (eventId: string) =>
    (await pool.query<{ id: string }>('select message_id as id from parked_messages where event_id = $1', [eventId]))
      .rows[0]?.id ?? '';
  return { pool, handle, idOf, act: createParkedActs({ pool, participant, logger }) };
}

function placed(orderId = newId<OrderId>()) {
  return eventOf({ type: 'order.placed', data: placedData({ orderId }) });
}

test('a message whose handling would say what nobody could read is parked, and the next of its topic is handled', async (t) => {
  const { pool, handle, idOf } = await openService(t, 501);
  const event = placed();
  assert.deepEqual(
    await handle(
      [recordOf(event), recordOf(eventOf({ type: 'payment.voided', data: { orderId: newId<OrderId>() } }))],
      signal,
    ),
    ['parked', 'ignored'],
  );
  const kept = await findParked(pool, await idOf(event.id));
  assert.match(kept?.error ?? '', /Unreadable: payment.declined: \/declineReason is longer than 500/);
  assert.equal((await pool.query('select from outbox')).rowCount, 0);
});

test('the table itself refuses what could not be published or read, by name', async (t) => {
  const { pool } = await openService(t);
  const good = {
    event_id: newId(),
    topic: 'order.events',
    partition_key: 'k',
    type: 't',
    source: '/s',
    subject: 'k',
    time: '2026-01-01T00:00:00.000Z',
    data_schema: 'd',
    causation_id: newId(),
    correlation_id: 'c',
    aggregate_version: String(counterMax),
    lamport: String(counterMax),
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: JSON.stringify('d'.repeat(dataBytesMax - 2)),
  };
  const insert = (row: Record<string, string>) =>
    pool.query(
      `insert into outbox (${Object.keys(good).join()}) values (${Object.keys(good)
        .map((_, n) => `$${n + 1}`)
        .join()})`,
      Object.values({ ...good, event_id: newId(), ...row }),
    );
  await insert({});
  const long = 'x'.repeat(headerBytesMax + 1);
  const cases: [Record<string, string>, string][] = [
    [{ data: JSON.stringify('d'.repeat(dataBytesMax)) }, 'outbox_data_is_publishable'],
    ...(['type', 'source', 'time', 'data_schema', 'correlation_id'] as const).map(
      (name): [Record<string, string>, string] => [{ [name]: long }, 'outbox_texts_are_short'],
    ),
    [{ partition_key: long, subject: long }, 'outbox_texts_are_short'],
    [{ correlation_id: '' }, 'outbox_texts_are_there'],
    [{ partition_key: 'other' }, 'outbox_texts_are_there'],
    [{ lamport: String(counterMax + 1) }, 'outbox_counts_are_readable'],
    [{ aggregate_version: String(counterMax + 1) }, 'outbox_counts_are_readable'],
    [{ causation_id: long }, 'outbox_ids_are_readable'],
    [{ traceparent: long }, 'outbox_traceparent_is_readable'],
  ];
  for (const [row, constraint] of cases)
    await assert.rejects(insert(row), { constraint }, JSON.stringify(row).slice(0, 60));
});

test('what is kept of a hostile record is bounded, and its replay believes none of it', async (t) => {
  const { pool, handle, idOf, act } = await openService(t);
  const event = placed();
  const record = recordOf(event);
  const long = 'c'.repeat(1_100_000);
  const foreign = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`x-${n}`, long.slice(0, 100)]));
  const hostile = { ...record, headers: { ...foreign, ...record.headers, ce_correlationid: long } };
  const longType = { ...recordOf(placed()), headers: { ...recordOf(placed()).headers, ce_type: long } };
  assert.deepEqual(await handle([hostile, longType], signal), ['parked', 'parked']);
  const { rows } = await pool.query<{ bytes: number }>(
    'select octet_length((headers, type, event_id, error)::text) as bytes from parked_messages',
  );
  assert.ok(
    rows.every(({ bytes }) => bytes < 50_000),
    JSON.stringify(rows),
  );
  assert.equal((await act({ act: 'replay', id: await idOf(event.id), operator: 'ada' })).status, 'parked');
  assert.equal((await pool.query('select from outbox')).rowCount, 0);
  assert.match(
    (await findParked(pool, await idOf(event.id)))?.error ?? '',
    /ce_correlationid is longer than 255 bytes/,
  );
});

test('what claims to be an outcome and cannot be read is nobody’s word: it can be discarded, and what waits behind it is handled', async (t) => {
  const { pool, handle, idOf, act } = await openService(t);
  const orderId = newId<OrderId>();
  const { customerId, lines, totalMinor, currency } = placedData();
  const at = '2026-01-01T00:00:00.000Z';
  const outcome = { orderId, customerId, contact: { email: null }, lines, totalMinor, currency };
  const cancelled = () =>
    eventOf({ type: 'order.cancelled', data: { ...outcome, reason: 'timed_out', cancelledAt: at, confirmedAt: null } });
  const [forgery, genuine] = [cancelled(), cancelled()];
  const forged = recordOf(forgery);
  const records = [{ ...forged, headers: { ...forged.headers, ce_lamport: '999999999999999' } }, recordOf(genuine)];
  assert.deepEqual(await handle(records, signal), ['parked', 'parked']);
  const settled = await act({ act: 'discard', id: await idOf(forgery.id), operator: 'ada', reason: 'a forgery' });
  assert.deepEqual([settled.status, settled.handledBehind, settled.next], ['discarded', 1, null]);
  assert.equal((await pool.query('select from outbox')).rowCount, 1);
});

test('an outbox partition that was detached before the table had its bounds is attached again', async (t) => {
  const { pool } = await openService(t);
  await inTransaction(pool, (tx) => appendToOutbox(tx, [placed()]));
  await pool.query(`alter table outbox ${boundNames.map((name) => `drop constraint ${name}`).join(', ')}`);
  await pool.query(`do $$ declare child name := 'outbox_' || to_char(now() at time zone 'utc', 'YYYY_MM_DD'); begin
    execute format('alter table outbox detach partition %I', child); insert into detached_partitions values (child, '0/0'); end $$`);
  await pool.query(await readFile(new URL('../migrations/0006-bounds.sql', import.meta.url), 'utf8'));
  await pool.query('select reattach_partitions()');
  assert.equal((await pool.query('select from outbox')).rowCount, 1);
});

const boundNames = [
  'outbox_data_is_publishable',
  'outbox_texts_are_short',
  'outbox_texts_are_there',
  'outbox_counts_are_readable',
  'outbox_ids_are_readable',
  'outbox_traceparent_is_readable',
];
