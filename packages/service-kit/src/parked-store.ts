import type { Reader } from './database.ts';
import type { Transaction } from './transaction.ts';
import { keptError } from './kept-record.ts';
import type { ConsumedRecord } from './parked.ts';

export type ParkedStatus = 'parked' | 'replayed' | 'discarded';

/** What somebody did with a parked message. `behind` names the message whose replay or discard let this one through. */
export type ParkedAct = {
  readonly act: 'replay' | 'discard';
  readonly operator: string;
  readonly reason: string | null;
  readonly behind: string | null;
  readonly outcome: ParkedStatus;
  readonly error: string | null;
  readonly actedAt: string;
};

/** A parked message as it is listed. `attempts` counts how often it was tried; `waitingBehind` how many of its key wait for it. */
export type ParkedMessage = {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly type: string;
  readonly eventId: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly parkedAt: Date;
  readonly status: ParkedStatus;
  readonly waitingBehind: number;
  readonly acts: readonly ParkedAct[];
};

/** A parked message with the record it came as, and whether its id has stood in the inbox since it was parked. */
export type ParkedDetail = ParkedMessage & { readonly record: ConsumedRecord; readonly inInbox: boolean };

/** Newest first, from the one after `before` on. */
export async function listParked(
  reader: Reader,
  page: { status: ParkedStatus; before: string | null; limit: number },
): Promise<ParkedMessage[]> {
  const { rows } = await reader.query<ParkedMessage>({
    name: 'list-parked',
    text: `select ${columns} from parked_messages as message
      where status = $1 and ($2::uuid is null or message_id < $2) order by message_id desc limit $3`,
    values: [page.status, page.before, page.limit],
  });
  return rows;
}

/** A parked message, whatever has become of it, with its record; null when no message has this id. */
export async function findParked(reader: Reader, id: string): Promise<ParkedDetail | null> {
  const { rows } = await reader.query<ParkedMessage & RecordRow>({
    name: 'find-parked',
    text: `select ${columns}, ${recordColumns} from parked_messages as message where message_id = $1`,
    values: [id],
  });
  return rows[0] === undefined ? null : detailOf(rows[0]);
}

/** How many messages wait to be settled, not counted further than `limit`, and how old the oldest of them is. */
export async function countParked(reader: Reader, limit: number): Promise<{ rows: number; oldestAgeSeconds: number }> {
  const { rows } = await reader.query<{ rows: number; oldestAgeSeconds: number }>({
    name: 'count-parked',
    text: `
      select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(parked_at)), 0)::float8 as "oldestAgeSeconds"
      from (select parked_at from parked_messages where status = 'parked' order by parked_id limit $1) as waiting`,
    values: [limit],
  });
  return rows[0] ?? { rows: 0, oldestAgeSeconds: 0 };
}

/** What waits behind a parked message, in the order in which it will be handled. */
export async function listWaitingBehind(reader: Reader, id: string, limit: number): Promise<ParkedMessage[]> {
  const { rows } = await reader.query<ParkedMessage>({
    name: 'list-waiting-behind',
    text: `select ${columns} from parked_messages as first
      join parked_messages as message using (topic, partition_key)
      where first.message_id = $1 and first.status = 'parked' and message.status = 'parked' and message.parked_id > first.parked_id
      order by message.parked_id limit $2`,
    values: [id, limit],
  });
  return rows;
}

/** The first parked message of a FIFO scope. */
export async function findFirstParked(
  reader: Reader,
  scope: { topic: string; key: string },
): Promise<ParkedDetail | null> {
  const { rows } = await reader.query<ParkedMessage & RecordRow>({
    name: 'find-first-parked',
    text: `select ${columns}, ${recordColumns} from parked_messages as message
      where status = 'parked' and topic = $1 and partition_key = $2 order by parked_id limit 1`,
    values: [scope.topic, scope.key],
  });
  return rows[0] === undefined ? null : detailOf(rows[0]);
}

/** Messages of these types, each the first of its scope, that were parked because their handling failed and were not tried since: the oldest first. */
export async function listTriedOnce(reader: Reader, types: readonly string[], limit: number): Promise<string[]> {
  const { rows } = await reader.query<{ id: string }>({
    name: 'list-tried-once',
    text: `select message_id as id from parked_messages as message
      where status = 'parked' and reason = 'handler_failed' and attempts = 1 and type = any($1)
        and not exists (select from parked_acts as acts where acts.message_id = message.message_id)
        and not exists (select from parked_messages as earlier
          where earlier.status = 'parked' and earlier.topic = message.topic and earlier.partition_key = message.partition_key
            and earlier.parked_id < message.parked_id)
      order by parked_id limit $2`,
    values: [types, limit],
  });
  return rows.map(({ id }) => id);
}

/** True when a later message of the same type waits behind this one. */
export async function isSuperseded(tx: Transaction, id: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'is-superseded',
    text: `select from parked_messages as first join parked_messages as later using (topic, partition_key, type)
      where first.message_id = $1 and later.status = 'parked' and later.parked_id > first.parked_id limit 1`,
    values: [id],
  });
  return rowCount === 1;
}

/** Ends the waiting of a message. */
export async function settleParked(tx: Transaction, id: string, status: 'replayed' | 'discarded'): Promise<void> {
  await tx.query({
    name: 'settle-parked',
    text: `update parked_messages set status = $2 where message_id = $1 and status = 'parked'`,
    values: [id, status],
  });
}

/** Notes that a message was tried once more in vain. */
export async function recordFailedReplay(
  tx: Transaction,
  id: string,
  { reason, error }: { reason: string; error: string },
): Promise<void> {
  await tx.query({
    name: 'record-failed-replay',
    text: `update parked_messages set attempts = attempts + 1, reason = $2, error = $3 where message_id = $1 and status = 'parked'`,
    values: [id, reason, keptError(error)],
  });
}

/** Keeps an act, with the time of the database. */
export async function appendAct(tx: Transaction, act: Omit<ParkedAct, 'actedAt'> & { id: string }): Promise<void> {
  await tx.query({
    name: 'append-parked-act',
    text: `insert into parked_acts (message_id, act, operator, reason, behind, outcome, error) values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      act.id,
      act.act,
      act.operator,
      act.reason,
      act.behind,
      act.outcome,
      act.error === null ? null : keptError(act.error),
    ],
  });
}

/** Keeps that an operator had messages parked that consumption was paused for, with the time of the database. */
export async function appendRelease(
  tx: Transaction,
  { operator, reason, error }: { operator: string; reason: string; error: string },
): Promise<void> {
  await tx.query({
    name: 'append-pause-release',
    text: 'insert into pause_releases (operator, reason, error) values ($1, $2, $3)',
    values: [operator, reason, keptError(error)],
  });
}

type RecordRow = {
  kafkaPartition: number;
  kafkaOffset: number;
  headers: Record<string, string | undefined>;
  value: Buffer | null;
  inInbox: boolean;
};

const columns = `
  message.message_id as id, message.topic, message.partition_key as key, message.type, message.event_id as "eventId",
  message.reason, message.error, message.attempts, message.parked_at as "parkedAt", message.status,
  (select count(*) from parked_messages as waiting
    where message.status = 'parked' and waiting.status = 'parked' and waiting.topic = message.topic
      and waiting.partition_key = message.partition_key and waiting.parked_id > message.parked_id) as "waitingBehind",
  (select coalesce(json_agg(json_build_object('act', act, 'operator', operator, 'reason', acts.reason, 'behind', behind,
      'outcome', outcome, 'error', acts.error, 'actedAt', to_char(acted_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      order by act_id), '[]')
    from parked_acts as acts where acts.message_id = message.message_id) as acts`;

const recordColumns = `message.kafka_partition as "kafkaPartition", message.kafka_offset as "kafkaOffset", message.headers, message.value,
  message.in_inbox as "inInbox"`;

function detailOf({
  kafkaPartition,
  kafkaOffset,
  headers,
  value,
  ...message
}: ParkedMessage & RecordRow): ParkedDetail {
  const { topic, key } = message;
  const place = { topic, key, partition: kafkaPartition, offset: String(kafkaOffset) };
  return { ...message, record: { ...place, headers, value: value?.toString('utf8') ?? null, bytes: value } };
}
