import { counterMax } from '@sagamart/contracts/bounds';
import type { ClientBase } from 'pg';
import type { Reader } from './database.ts';

/** The replication slot that an outbox is published through. */
export type OutboxSlot = {
  /** Only through a sound slot comes all that the outbox holds. */
  readonly state: 'sound' | 'missing' | 'lost' | 'made_again' | 'unknown';
  readonly active: boolean;
  /** Up to where it was published; empty where there is no slot. */
  readonly flushedLsn: string;
};

/** Healing waits this long for the transactions that write to the outbox, and keeps new ones waiting no longer than it writes. */
const writersWaitMsMax = 10_000;

/**
 * Makes the slot of an outbox that has said nothing yet, before the service's first write. Any later one would have missed something: replacing it is
 * for `renewSlot` and `sayAgain`.
 */
export async function ensureSlot(client: ClientBase, slot: string): Promise<void> {
  const { rowCount: inUse } = await client.query('select from outbox_slot union all (select from outbox limit 1)');
  if (inUse !== 0) return;
  await client.query(`${createSlotSql} where not exists (select from pg_replication_slots where slot_name = $1)`, [
    slot,
  ]);
  await client.query(recordSlotSql, [slot]);
}

/** The slot as any role of the database sees it. */
export async function readOutboxSlot(reader: Reader): Promise<OutboxSlot> {
  const { rows } = await reader.query<OutboxSlot>(`
    select state, coalesce(active, false) as active, coalesce(confirmed_flush_lsn::text, '') as "flushedLsn" from outbox_slot_state`);
  return rows[0] ?? { state: 'unknown', active: false, flushedLsn: '' };
}

/**
 * How much log it takes at most to say again what the outbox holds since a moment, and by how much a slot may be behind before it is lost, which is null
 * where there is no limit. Both in bytes.
 */
export async function measureWindow(
  client: ClientBase,
  since: Date | undefined,
): Promise<{ logBytes: number; logBytesMax: number | null }> {
  const { rows } = await client.query<{ rowBytes: number; logBytesMax: number | null }>(measureWindowSql, [
    since?.toISOString() ?? '-infinity',
  ]);
  const { rowBytes = 0, logBytesMax = null } = rows[0] ?? {};
  return { logBytes: rowBytes * logOfRowMax, logBytesMax };
}

/**
 * Waits, as the making of a slot does, for every open transaction that has written something, and leaves nothing behind. After it the making itself is
 * short, so whatever reads the old slot need not stand still for somebody's long transaction.
 */
export async function rehearseSlot(client: ClientBase, slot: string): Promise<void> {
  const rehearsal = `${slot}_rehearsal`;
  await client.query(`select pg_create_logical_replication_slot($1, 'pgoutput', temporary => true)`, [rehearsal]);
  await client.query('select pg_drop_replication_slot($1)', [rehearsal]);
}

/** Replaces the slot by a new one. Nobody may read it now or before `sayAgain`: it would publish what is new before what was missed. */
export async function renewSlot(client: ClientBase, slot: string): Promise<void> {
  await client.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1', [
    slot,
  ]);
  await client.query(createSlotSql, [slot]);
}

/**
 * Has Debezium publish again what the outbox holds since a moment, or all of it, byte for byte and in each key's order of versions; resolves with the
 * number of events. With the name of a renewed slot, that slot begins with these, and is from then on the one that the outbox is published through.
 */
export async function sayAgain(
  client: ClientBase,
  { since, renewedSlot }: { since?: Date | undefined; renewedSlot?: string | undefined },
): Promise<number> {
  await client.query('begin');
  try {
    await client.query(`set local lock_timeout = ${writersWaitMsMax}`);
    await client.query(`select pg_advisory_xact_lock(hashtext('ensure_message_partitions'))`);
    // Without writers, all that the outbox holds is behind the end of the log, and all they will write comes after what is said again.
    await client.query('lock table outbox in share row exclusive mode');
    if (renewedSlot !== undefined)
      await client.query('select pg_replication_slot_advance($1, pg_current_wal_flush_lsn())', [renewedSlot]);
    await client.query('select reattach_partitions()');
    const { rowCount: said } = await client.query(sayAgainSql, [since?.toISOString() ?? '-infinity']);
    if (renewedSlot !== undefined) {
      await client.query('delete from outbox_slot');
      await client.query(recordSlotSql, [renewedSlot]);
    }
    await client.query('commit');
    return said ?? 0;
  } catch (error) {
    // A connection that is gone has rolled back; why it went is in the first error.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

// With two_phase, for what it leaves behind: the LSN of its making, by which outbox_slot knows it.
const createSlotSql = `select pg_create_logical_replication_slot($1, 'pgoutput', temporary => false, twophase => true)`;

// Of 20,000 events of 744 bytes the log was 1.3 to 3.8 times that: the most after a checkpoint, when pages are logged whole.
const logOfRowMax = 4;

const measureWindowSql = `
  select coalesce(sum(pg_column_size(outbox)), 0)::float8 as "rowBytes",
    (select nullif(setting::float8, -1) * 1024 * 1024 from pg_settings where name = 'max_slot_wal_keep_size') as "logBytesMax"
  from outbox where created_at >= $1`;

const recordSlotSql = `
  insert into outbox_slot (slot_name, made_at_lsn)
  select slot_name, two_phase_at from pg_replication_slots where slot_name = $1 and two_phase_at is not null`;

// A row is said again by being written again. Debezium sees the insert; deletes are not in the publication. What was written before the table refused
// what nobody could publish or read stays unsaid.
const sayAgainSql = `
  with said as (
    delete from outbox where created_at >= $1 and octet_length(outbox::text) < 300000 and greatest(lamport, aggregate_version) <= ${counterMax}
    returning *)
  insert into outbox select * from said order by partition_key, aggregate_version`;
