import { uuidv7TimeMs } from '@sagamart/contracts/ids';
import type { Transaction } from './transaction.ts';

/** An event can still arrive this long after it was minted: kept in the outbox 7 days, in the topic 7 more and one segment. */
export const inboxWindowDays = 15;

/** How far a producer's clock may run ahead of ours before its ids are not believed. */
export const clockSkewMaxDays = 1;

const dayMs = 86_400_000;

/** What the inbox keeps of an event. */
export type InboxEntry = { readonly id: string; readonly type: string; readonly topic: string; readonly key: string };

/** True when the id was minted in the span of time for which the inbox remembers: outside of it, dedupe cannot be promised. */
export function isInsideInboxWindow(eventId: string, atMs: number): boolean {
  const ageMs = atMs - uuidv7TimeMs(eventId);
  return ageMs < inboxWindowDays * dayMs && ageMs > -clockSkewMaxDays * dayMs;
}

/**
 * Records the entries and returns the ids that are new: only these may be handled. Rows go in sorted by id, so that two batches
 * with the same events wait for each other instead of deadlocking.
 */
export async function recordInInbox(tx: Transaction, entries: readonly InboxEntry[]): Promise<Set<string>> {
  if (entries.length === 0) return new Set();
  const { rows } = await tx.query<{ event_id: string }>({
    name: 'record-in-inbox',
    text: `
      insert into inbox (event_id, type, topic, partition_key)
      select id, type, topic, key from json_to_recordset($1) as entry (id uuid, type text, topic text, key text) order by id
      on conflict (event_id) do nothing
      returning event_id`,
    values: [JSON.stringify(entries)],
  });
  return new Set(rows.map((row) => row.event_id));
}

/**
 * Records an event that was parked without an inbox row, for its id lies outside the window, and returns whether it may be handled: not when a copy of it
 * was, by the inbox or by an earlier replay. Where the inbox has no partition for the id, the replayed message itself is what remembers it.
 */
export async function recordReplayed(tx: Transaction, entry: InboxEntry): Promise<boolean> {
  const { rows } = await tx.query<{ isFirst: boolean }>({
    name: 'record-replayed',
    text: `
      with kept as (
        select to_regclass('inbox_' || to_char(uuid_extract_timestamp($1::uuid) at time zone 'utc', 'YYYY_MM_DD')) is not null as has_partition),
      fresh as (
        insert into inbox (event_id, type, topic, partition_key) select $1::uuid, $2, $3, $4 from kept where has_partition
        on conflict (event_id) do nothing
        returning event_id)
      select (exists (select from fresh) or not has_partition)
        and not exists (select from parked_messages where status = 'replayed' and event_id = $1::text) as "isFirst"
      from kept`,
    values: [entry.id, entry.type, entry.topic, entry.key],
  });
  return rows[0]?.isFirst === true;
}
