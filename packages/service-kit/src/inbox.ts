import { uuidv7TimeMs } from '@sagamart/contracts/ids';
import type { Tx } from './database.ts';

/** An event can still arrive this long after it was minted: kept in the outbox 7 days, in the topic 7 more and one segment. */
export const inboxWindowDays = 15;

/** How far a producer's clock may run ahead of ours before its ids are not believed. */
export const clockSkewMaxDays = 1;

const dayMs = 86_400_000;

/** What the inbox keeps of an event. */
export type InboxEntry = { readonly id: string; readonly type: string; readonly topic: string; readonly key: string };

/** True when the id was minted in the span of time for which the inbox remembers: outside of it, dedupe cannot be promised. */
export function isInsideInboxWindow(eventId: string, now: Date): boolean {
  const ageMs = now.getTime() - uuidv7TimeMs(eventId);
  return ageMs < inboxWindowDays * dayMs && ageMs > -clockSkewMaxDays * dayMs;
}

/**
 * Records the entries and returns the ids that are new: only these may be handled. Rows go in sorted by id, so that two batches
 * with the same events wait for each other instead of deadlocking.
 */
export async function recordInInbox(tx: Tx, entries: readonly InboxEntry[]): Promise<Set<string>> {
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
