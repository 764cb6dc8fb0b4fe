import type { KafkaRecord } from '@sagamart/contracts/cloud-event';
import type { Transaction } from './transaction.ts';
import { keptError, keptHeaders, keptWord } from './kept-record.ts';
import { unreadableReasons, type Unreadable } from './record-batch.ts';

/** A record with its place in Kafka and its bytes, so that it can be parked exactly as it came. */
export type ConsumedRecord = KafkaRecord & {
  readonly partition: number;
  readonly offset: string;
  readonly bytes: Buffer | null;
  /** Which of the topics that had this name one after the other it stands in: without it an offset names no place. */
  readonly topicId?: string | undefined;
  /** When the broker appended it, in Unix milliseconds; unknown of a record that was parked. */
  readonly appendedAtMs?: number;
  /** What keeps it from being read, so that key, value and headers may be missing. */
  readonly unreadable?: Unreadable | undefined;
};

export type Parking = { readonly record: ConsumedRecord; readonly reason: string; readonly error: string };

/** The FIFO scope of a message within this consumer: topic and key. */
export function scopeOf(record: Pick<ConsumedRecord, 'topic' | 'key'>): string {
  return `${record.topic} ${scopeKeyOf(record)}`;
}

/**
 * Takes the locks of the records' FIFO scopes, sorted. Ordinary batches share a scope; parking and replay take it alone, so a
 * message is never handled while one before it is being parked or replayed.
 */
export async function lockScopes(
  tx: Transaction,
  records: readonly Pick<ConsumedRecord, 'topic' | 'key'>[],
  mode: 'shared' | 'exclusive',
): Promise<void> {
  const lock = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
  await tx.query({
    name: `lock-scopes-${mode}`,
    text: `select ${lock}(scope) from (select distinct hashtextextended(s, 0) as scope from unnest($1::text[]) as s order by 1) as scopes`,
    values: [records.map(scopeOf)],
  });
}

/** The FIFO scopes among those of the records in which a message is parked and waits. */
export async function blockedScopes(tx: Transaction, records: readonly ConsumedRecord[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ scope: string }>({
    name: 'blocked-scopes',
    text: `select distinct topic || ' ' || partition_key as scope from parked_messages
           where status = 'parked' and topic = any($1) and partition_key = any($2)`,
    values: [records.map((record) => record.topic), records.map((record) => scopeKeyOf(record))],
  });
  return new Set(rows.map((row) => row.scope));
}

/**
 * Parks records in the given order. One that is parked already stays as it is: the same partition and offset of the same topic, which is the one with its
 * id, not whatever has its name, and appended at the same time.
 */
export async function insertParked(tx: Transaction, parkings: readonly Parking[]): Promise<void> {
  for (const { record, reason, error } of parkings) {
    await tx.query({
      name: 'insert-parked',
      text: `
        insert into parked_messages (topic, partition_key, kafka_partition, kafka_offset, event_id, type, headers, value, reason, error, attempts,
          topic_id, appended_at, in_inbox)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case $9 when 'behind_parked' then 0 else 1 end, $11, $12, not $9 = any($13))
        on conflict on constraint parked_once do nothing`,
      values: [
        record.topic,
        scopeKeyOf(record),
        record.partition,
        record.offset,
        keptWord(record.headers['ce_id'] ?? ''),
        keptWord(record.headers['ce_type'] ?? ''),
        JSON.stringify(keptHeaders(record.headers)),
        record.bytes,
        reason,
        keptError(error),
        record.topicId,
        appendedAt(record),
        reasonsWithoutInbox,
      ],
    });
  }
}

/** Null where the time is unknown, or none: a topic may be set to believe the producers. */
function appendedAt({ appendedAtMs }: ConsumedRecord): Date | null {
  return appendedAtMs !== undefined && appendedAtMs >= 0 && appendedAtMs <= timeMsMax ? new Date(appendedAtMs) : null;
}

const timeMsMax = Date.UTC(9999, 11, 31);

// What cannot be read has no id to believe; what lies outside the window has no place there.
const reasonsWithoutInbox = ['outside_window', ...unreadableReasons];

/** The key as it is kept and compared. */
export function scopeKeyOf(record: Pick<ConsumedRecord, 'key'>): string {
  return keptWord(record.key ?? '');
}
