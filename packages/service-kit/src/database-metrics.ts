import { addSource, createGauge, type Reading } from '@sagamart/telemetry/metrics';
import { metricNames } from '@sagamart/telemetry/names';
import type { Pool } from 'pg';
import type { Reader } from './database.ts';
import { readOutboxSlot } from './outbox-slot.ts';
import { countParked } from './parked-store.ts';

/** How many rows a state holds and how old the oldest is. */
export type Unfinished = { readonly state: string; readonly rows: number; readonly oldestAgeSeconds: number };

/** No look at what is unfinished counts further than this: its cost stays the same when the shop is in trouble. */
export const rowsCountedMax = 10_000;
/** Nearly always everything older than the newest few rows is published, and the look ends with them. */
const newestRows = 200;

/** Shows the connection pool, the outbox and its slot, and the parked messages of a service's database in its metrics. */
export function observeDatabase(pool: Pool, slotName = 'outbox'): void {
  const connections = createGauge(metricNames.poolConnections);
  const waiting = createGauge(metricNames.poolWaiting);
  addSource({
    name: 'pool',
    gauges: [connections, waiting],
    read: async () => [
      { gauge: connections, labels: { state: 'idle' }, value: pool.idleCount },
      { gauge: connections, labels: { state: 'busy' }, value: pool.totalCount - pool.idleCount },
      { gauge: waiting, value: pool.waitingCount },
    ],
  });
  observeOutbox(pool, slotName);

  const parked = createGauge(metricNames.parked);
  const oldestAge = createGauge(metricNames.parkedOldestAge);
  addSource({
    name: 'parked',
    gauges: [parked, oldestAge],
    read: async () => {
      const { rows, oldestAgeSeconds } = await countParked(pool, rowsCountedMax);
      return [
        { gauge: parked, value: rows },
        { gauge: oldestAge, value: oldestAgeSeconds },
      ];
    },
  });
}

/** Shows in the metrics how many rows are in states that must end, and since when: each time by a look at the database. */
export function observeUnfinished(read: () => Promise<readonly Unfinished[]>): void {
  const count = createGauge(metricNames.unfinished);
  const oldestAge = createGauge(metricNames.unfinishedOldestAge);
  addSource({
    name: 'unfinished',
    gauges: [count, oldestAge],
    read: async () =>
      (await read()).flatMap(({ state, rows, oldestAgeSeconds }) => [
        { gauge: count, labels: { state }, value: rows },
        { gauge: oldestAge, labels: { state }, value: oldestAgeSeconds },
      ]),
  });
}

/** Shows in the metrics how much waits for a person because the outside world's answers do not end it. */
export function observeEscalated(count: () => Promise<number>): void {
  const escalated = createGauge(metricNames.escalated);
  addSource({
    name: 'escalated',
    gauges: [escalated],
    read: async () => [{ gauge: escalated, value: await count() }],
  });
}

function observeOutbox(pool: Pool, slotName: string): void {
  const unpublished = createGauge(metricNames.outboxUnpublished);
  const oldestAge = createGauge(metricNames.outboxOldestAge);
  const active = createGauge(metricNames.slotActive);
  const sound = createGauge(metricNames.slotSound);
  const position = createGauge(metricNames.slotPosition);
  const lag = createGauge(metricNames.slotLag);
  const retained = createGauge(metricNames.slotRetained);
  addSource({
    name: 'outbox',
    gauges: [unpublished, oldestAge, active, sound, position, lag, retained],
    read: async () => {
      const { state } = await readOutboxSlot(pool);
      const soundness: Reading = { gauge: sound, value: state === 'sound' ? 1 : 0 };
      const slot = await readSlot(pool, slotName);
      // How much waits behind a slot that is not there cannot be known.
      if (slot === null) return [soundness, { gauge: active, value: 0 }];
      const outbox = await readUnpublished(pool, slotName);
      const readings: Reading[] = [
        soundness,
        { gauge: active, value: slot.isRead ? 1 : 0 },
        { gauge: position, value: slot.confirmedBytes },
        { gauge: lag, value: slot.lagBytes },
        { gauge: retained, value: slot.retainedBytes },
        { gauge: unpublished, value: outbox.rows },
        { gauge: oldestAge, value: outbox.oldestAgeSeconds },
      ];
      return readings;
    },
  });
}

type Slot = { isRead: boolean; confirmedBytes: number; lagBytes: number; retainedBytes: number };

async function readSlot(reader: Reader, slotName: string): Promise<Slot | null> {
  const { rows } = await reader.query<Slot>({
    name: 'read-slot',
    text: `
      select active and wal_status <> 'lost' as "isRead",
        pg_wal_lsn_diff(confirmed_flush_lsn, '0/0')::bigint as "confirmedBytes",
        pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint as "lagBytes",
        coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint as "retainedBytes"
      from pg_replication_slots where slot_name = $1 and database = current_database()`,
    values: [slotName],
  });
  return rows[0] ?? null;
}

type Waiting = Omit<Unfinished, 'state'>;

/** Outbox rows that Debezium has not confirmed. It confirms every 2 s, so the newest rows of a shop at work always count. */
export async function readUnpublished(reader: Reader, slot: string): Promise<Waiting> {
  const newest = await countUnpublished(reader, slot, newestRows);
  return newest.rows < newestRows ? newest : countUnpublished(reader, slot, rowsCountedMax);
}

async function countUnpublished(reader: Reader, slot: string, limit: number): Promise<Waiting> {
  const { rows } = await reader.query<Waiting>({
    name: 'count-unpublished',
    text: `
      select count(*) as rows, coalesce(extract(epoch from (clock_timestamp() at time zone 'utc') - min(created_at)), 0)::float8 as "oldestAgeSeconds"
      from (select created_at, written_lsn from outbox order by event_id desc limit $1) as newest
      where written_lsn >= (select confirmed_flush_lsn from pg_replication_slots
        where slot_name = $2 and database = current_database())`,
    values: [limit, slot],
  });
  return rows[0] ?? nothing;
}

const nothing: Waiting = { rows: 0, oldestAgeSeconds: 0 };
