import type { EventId, OrderId } from '@sagamart/contracts/ids';
import type { Reader } from '@sagamart/service-kit/database';
import { rowsCountedMax, type Unfinished } from '@sagamart/service-kit/database-metrics';
import { takenDueMs, type Notification } from './notification.ts';

/** A notification of which its customer was not told, as operators see it; `id` is the event that caused it. */
export type Untold = {
  readonly id: EventId;
  readonly orderId: OrderId;
  readonly outcome: Notification['outcome'];
  readonly status: 'pending' | 'refused';
  readonly email: string;
  readonly attempts: number;
  readonly failingSince: string | null;
  readonly nextAttemptAt: string;
  readonly lastAnswer: string | null;
};

/** How many mails need a person, and the one that has failed for longest. Null when none does. */
export type Escalations = { readonly mails: number; readonly since: Date; readonly orderId: OrderId };

export async function findEscalations(reader: Reader): Promise<Escalations | null> {
  const { rows } = await reader.query<{ mails: number; since: Date; order_id: OrderId }>({
    name: 'find-escalations',
    text: `
      select count(*) over () as mails, failing_since as since, order_id
      from (select failing_since, order_id from notifications where ${escalated} limit $2) as escalated
      order by failing_since, order_id limit 1`,
    values: [takenDueMs, rowsCountedMax],
  });
  const [oldest] = rows;
  return oldest === undefined ? null : { mails: oldest.mails, since: oldest.since, orderId: oldest.order_id };
}

/** Mails that need a person, oldest first: after an id, at most so many. Each is tried again all the same. */
export async function listEscalated(
  reader: Reader,
  { after, limit }: { after: EventId | null; limit: number },
): Promise<Untold[]> {
  const { rows } = await reader.query<UntoldRow>({
    name: 'list-escalated',
    text: `
      select ${columns} from notifications where ${escalated} and ($2::uuid is null or cause_event_id > $2) order by cause_event_id limit $3`,
    values: [takenDueMs, after, limit],
  });
  return rows.map(fromRow);
}

/** Notifications that were given up, newest first: before an id, at most so many. */
export async function listRefused(
  reader: Reader,
  { before, limit }: { before: EventId | null; limit: number },
): Promise<Untold[]> {
  const { rows } = await reader.query<UntoldRow>({
    name: 'list-refused',
    text: `
      select ${columns} from notifications where status = 'refused' and ($1::uuid is null or cause_event_id < $1)
      order by cause_event_id desc limit $2`,
    values: [before, limit],
  });
  return rows.map(fromRow);
}

// Blocked: only a person can change what the mail server refuses. Else it has had its time.
const escalated = `status = 'pending' and failing_since is not null
  and (is_blocked or failing_since <= clock_timestamp() - $1 * interval '1 millisecond')`;

const columns = `cause_event_id as id, order_id as "orderId", outcome, status, email, attempts, failing_since as "failingSince",
  next_attempt_at as "nextAttemptAt", last_answer as "lastAnswer"`;

type UntoldRow = Omit<Untold, 'failingSince' | 'nextAttemptAt'> & { failingSince: Date | null; nextAttemptAt: Date };

function fromRow(row: UntoldRow): Untold {
  return {
    ...row,
    failingSince: row.failingSince?.toISOString() ?? null,
    nextAttemptAt: row.nextAttemptAt.toISOString(),
  };
}

/** How many customers have not been told yet, and how long ago the first of them was to be. */
export async function readUntold(reader: Reader): Promise<Unfinished[]> {
  const { rows } = await reader.query<Unfinished>({
    name: 'read-untold',
    text: `
      select 'notification_pending' as state, count(*) as rows,
        coalesce(extract(epoch from clock_timestamp() - min(uuid_extract_timestamp(cause_event_id))), 0)::float8 as "oldestAgeSeconds"
      from (select cause_event_id from notifications where status = 'pending' order by next_attempt_at limit $1) as untold`,
    values: [rowsCountedMax],
  });
  return rows;
}
