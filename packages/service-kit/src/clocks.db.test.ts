import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { EventBody } from '@sagamart/contracts/events';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { createBatchHandler } from './batch.ts';
import type { Participant } from './participant.ts';
import { createPool } from './database.ts';
import { inTransaction } from './transaction.ts';
import { problemOf } from './http-errors.ts';
import { migrateDatabase } from './migrate.ts';
import { appendToOutbox } from './outbox.ts';
import { createParkedActs } from './parked-acts.ts';
import { causedBy, transition } from './transition.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const dayMs = 86_400_000;

/** A service that writes down which events it acts on, and says payment.voided of each order. Its clock and its ids can be wrong. */
async function openService(t: TestContext) {
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: import.meta.dirname }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  await pool.query('create table seen (event_id uuid)');
  const clock = { readsAheadMs: 0, mintsAheadMs: 0 };
  const now = () => new Date(Date.now() + clock.readsAheadMs);
  const newEventId = () => mintedIn(clock.mintsAheadMs);
  const participant: Participant<
    { seen: string[]; said: ReturnType<typeof said> },
    'order.placed' | 'order.cancelled'
  > = {
    hears: ['order.placed', 'order.cancelled'],
    load: async () => ({ seen: [], said: [] }),
    react: (work, event) => {
      work.seen.push(event.id);
      work.said.push(...said(event));
    },
    save: async (tx, work) => {
      await tx.query('insert into seen (event_id) select unnest($1::uuid[])', [work.seen]);
      await appendToOutbox(tx, work.said);
    },
  };
  function said(event: Parameters<typeof causedBy>[0] & { data: { orderId: OrderId } }) {
    const says: EventBody<'payment.voided'>[] = [{ type: 'payment.voided', data: { orderId: event.data.orderId } }];
    return transition('/test', { lamport: 0, version: 0 }, causedBy(event), says, { now, newEventId }).events;
  }
  const handle = createBatchHandler({ pool, participant, logger, now });
  const act = createParkedActs({ pool, participant, logger });
  return {
    ...{ pool, clock },
    hear: (...records: Parameters<typeof handle>[0]) => handle(records, signal),
    replayAll: async () => {
      const { rows } = await pool.query<{ id: string }>(
        `select message_id as id from parked_messages where status = 'parked' order by parked_id`,
      );
      for (const { id } of rows) await act({ act: 'replay', id, operator: 'ada' });
    },
    parked: async () =>
      (
        await pool.query<{ about: string }>(
          `select reason || ' ' || status as about from parked_messages order by parked_id`,
        )
      ).rows.map(({ about }) => about),
    seen: async () =>
      (await pool.query<{ event_id: string }>('select event_id from seen')).rows.map((row) => row.event_id),
  };
}

/** An id as a process mints it whose clock is this much ahead. */
function mintedIn(aheadMs: number): EventId {
  const hex = (Date.now() + aheadMs).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${newId<EventId>().slice(13)}` as EventId;
}

function placed(aheadMs = 0, orderId = newId<OrderId>()) {
  return eventOf({ type: 'order.placed', data: placedData({ orderId }) }, { id: mintedIn(aheadMs) });
}

function cancelled(aheadMs: number) {
  const { orderId, customerId, lines, totalMinor, currency } = placedData();
  const at = '2026-01-01T00:00:00.000Z';
  const outcome = { orderId, customerId, contact: { email: null }, lines, totalMinor, currency };
  const data = { ...outcome, reason: 'timed_out', cancelledAt: at, confirmedAt: null } as const;
  return eventOf({ type: 'order.cancelled', data }, { id: mintedIn(aheadMs) });
}

function appended(event: ReturnType<typeof placed | typeof cancelled>, aheadMs = 0) {
  return { ...recordOf(event), appendedAtMs: Date.now() + aheadMs };
}

for (const days of [20, -20]) {
  test(`a reader whose clock is off by ${days} days handles what was minted and appended in time`, async (t) => {
    const service = await openService(t);
    service.clock.readsAheadMs = days * dayMs;
    assert.deepEqual(await service.hear(appended(placed())), ['handled']);
  });
}

test('when all clocks of a host are two days ahead for a moment, all of it is handled', async (t) => {
  const service = await openService(t);
  Object.assign(service.clock, { readsAheadMs: 2 * dayMs, mintsAheadMs: 2 * dayMs });
  assert.deepEqual(await service.hear(appended(placed(2 * dayMs), 2 * dayMs)), ['handled']);
  Object.assign(service.clock, { readsAheadMs: 0, mintsAheadMs: 0 });
  assert.deepEqual(await service.hear(appended(placed())), ['handled']);
});

for (const days of [2, 40, -40]) {
  test(`what was minted ${days} days away is parked, and its replay handles it once, however many copies there are`, async (t) => {
    const service = await openService(t);
    const event = cancelled(days * dayMs);
    assert.deepEqual(await service.hear(appended(event), appended(event)), ['parked', 'parked']);
    assert.deepEqual(await service.parked(), Array(2).fill('outside_window parked'));
    await service.replayAll();
    assert.deepEqual(await service.seen(), [event.id]);
    assert.deepEqual(await service.parked(), Array(2).fill('outside_window replayed'));
  });
}

test('what was replayed before its time is a duplicate when its time has come', async (t) => {
  const service = await openService(t);
  const event = placed(2 * dayMs);
  await service.hear(appended(event));
  await service.replayAll();
  assert.deepEqual(await service.hear(appended(event, 2 * dayMs)), ['duplicate']);
  assert.deepEqual(await service.seen(), [event.id]);
});

test('what was handled in its time is not handled again by the replay of a copy that came too late', async (t) => {
  const service = await openService(t);
  const event = placed(2 * dayMs);
  assert.deepEqual(await service.hear(appended(event, 2 * dayMs), appended(event)), ['handled', 'parked']);
  await service.replayAll();
  assert.deepEqual(await service.seen(), [event.id]);
});

test('an append time that lies stops nothing: what the inbox has no partition for is parked', async (t) => {
  const service = await openService(t);
  const [old, good] = [placed(-100 * dayMs), placed()];
  const unreadable = { ...appended(placed(-100 * dayMs), -100 * dayMs), value: '{', bytes: Buffer.from('{') };
  const records = [appended(old, -100 * dayMs), unreadable, appended(good)];
  assert.deepEqual(await service.hear(...records), ['parked', 'parked', 'handled']);
  assert.deepEqual(await service.parked(), Array(2).fill('outside_window parked'));
  await service.replayAll();
  assert.deepEqual(await service.parked(), ['outside_window replayed', 'invalid_data parked']);
  assert.deepEqual(await service.seen(), [good.id, old.id]);
  assert.deepEqual(await service.hear({ ...appended(placed()), appendedAtMs: -1 }), ['handled']);
});

test('after days of sleep the first who needs a partition makes it: nobody is refused, and nothing is poison', async (t) => {
  const service = await openService(t);
  // As a database that was migrated five days ago and has slept since.
  await service.pool.query(`do $$ declare child regclass; begin
    for child in select inhrelid from pg_inherits where inhparent in ('inbox'::regclass, 'outbox'::regclass)
      and partition_day((select relname from pg_class where oid = inhrelid)) > (now() at time zone 'utc')::date - 2
    loop execute format('drop table %s', child); end loop; end $$`);
  const records = Array.from({ length: 20 }, () => appended(placed()));
  const command = () => inTransaction(service.pool, (tx) => appendToOutbox(tx, [placed()]));
  await Promise.all([service.hear(...records), ...records.map((record) => service.hear(record)), command(), command()]);
  assert.equal((await service.seen()).length, 20);
  assert.deepEqual(await service.parked(), []);
});

test('a partition that was detached is attached again by who needs it, with all it holds', async (t) => {
  const service = await openService(t);
  await service.hear(appended(placed()));
  await service.pool
    .query(`do $$ declare child regclass := 'outbox_' || to_char(now() at time zone 'utc', 'YYYY_MM_DD'); begin
    execute format('alter table outbox detach partition %s', child); insert into detached_partitions values (child::text, '0/0'); end $$`);
  await service.hear(appended(placed()));
  const { rows } = await service.pool.query(
    'select (select count(*) from outbox) as said, (select count(*) from detached_partitions) as detached',
  );
  assert.deepEqual(rows, [{ said: 2, detached: 0 }]);
});

test('while a service has a clock that is weeks away from its database, its consumer waits, and goes on when the clock is back', async (t) => {
  const service = await openService(t);
  service.clock.mintsAheadMs = 21 * dayMs;
  const warned = t.mock.method(logger, 'warn', () => {
    service.clock.mintsAheadMs = 0;
  });
  const event = placed();
  assert.deepEqual(await service.hear(appended(event)), ['handled']);
  assert.equal(warned.mock.callCount(), 1);
  assert.deepEqual([await service.seen(), await service.parked()], [[event.id], []]);
});

test('while a partition cannot be made, a request is answered with 503 and a consumer waits: neither is the fault of what was to be written', async (t) => {
  const service = await openService(t);
  // Another partition lies where those of today and tomorrow would.
  await service.pool.query(`do $$ declare today date := (now() at time zone 'utc')::date; begin
    execute format('drop table %I', 'outbox_' || to_char(today, 'YYYY_MM_DD'));
    execute format('create table in_the_way partition of outbox for values from (%L) to (%L)',
      uuidv7_floor((today::timestamp + interval '23:59:59.999') at time zone 'utc'), uuidv7_floor((today + 1)::timestamp at time zone 'utc')); end $$`);
  const refusal = await inTransaction(service.pool, (tx) => appendToOutbox(tx, [placed()])).catch(
    (error: unknown) => error,
  );
  assert.equal(problemOf(refusal).status, 503);
  let waited = 0;
  t.mock.method(logger, 'warn', () => {
    waited += 1;
    void service.pool.query('drop table in_the_way');
  });
  assert.deepEqual(await service.hear(appended(placed())), ['handled']);
  assert.equal(waited, 1);
});

test('a clock that is far ahead does not make the inbox forget', async (t) => {
  const service = await openService(t);
  const inboxDays = async () => {
    const { rows } = await service.pool.query<{ days: number }>(
      `select count(*) as days from pg_inherits where inhparent = 'inbox'::regclass`,
    );
    return rows[0]?.days;
  };
  // To a database whose clock is 17 days ahead all that was heard looks as old as that.
  const old = 17 * dayMs;
  await service.pool.query(`do $$ declare day date := (now() at time zone 'utc')::date - 17; begin
    execute format('create table %I partition of inbox for values from (%L) to (%L)', 'inbox_' || to_char(day, 'YYYY_MM_DD'),
      uuidv7_floor(day::timestamp at time zone 'utc'), uuidv7_floor((day + 1)::timestamp at time zone 'utc')); end $$`);
  assert.deepEqual(await service.hear(appended(placed(-old), -old)), ['handled']);
  const before = await inboxDays();
  await service.pool.query('delete from outbox');
  await service.pool.query('select prune_messages()');
  assert.equal(await inboxDays(), before);
  await service.hear(appended(placed()));
  await service.pool.query('select prune_messages()');
  assert.equal(await inboxDays(), Number(before) - 1, 'nothing is kept for longer than it was');
});
