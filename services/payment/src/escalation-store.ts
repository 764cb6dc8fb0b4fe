import type { OrderId } from '@sagamart/contracts/ids';
import type { Reader } from '@sagamart/service-kit/database';
import { rowsCountedMax } from '@sagamart/service-kit/database-metrics';
import { answerDueMs, type Owed } from './payment.ts';

/** A call that needs a person: its answers make no sense or refuse what was asked, or it has had none for too long. It is asked again all the same. */
export type Escalated = {
  readonly orderId: OrderId;
  readonly status: Owed['status'];
  readonly amountMinor: number;
  readonly currency: string;
  readonly captureId: string | null;
  readonly owedSince: string;
  /** How often it was asked. */
  readonly attempts: number;
  readonly askAt: string;
  readonly lastAnswer: string;
};

/** How many calls need a person, and the one that has for the longest time. Null when none does. */
export type Escalations = { readonly payments: number; readonly since: Date; readonly orderId: OrderId };

export async function findEscalations(reader: Reader): Promise<Escalations | null> {
  const { rows } = await reader.query<{ payments: number; since: Date; order_id: OrderId }>({
    name: 'find-escalations',
    text: `
      select count(*) over () as payments, since, order_id from (select order_id, since ${escalated} limit $2) as escalated
      order by since, order_id limit 1`,
    values: [answerDueMs, rowsCountedMax],
  });
  const [oldest] = rows;
  return oldest === undefined ? null : { payments: oldest.payments, since: oldest.since, orderId: oldest.order_id };
}

/** Calls that need a person, oldest order first: after an order's, at most so many. */
export async function listEscalated(
  reader: Reader,
  { after, limit }: { after: OrderId | null; limit: number },
): Promise<Escalated[]> {
  const { rows } = await reader.query<Omit<Escalated, 'owedSince' | 'askAt'> & { owedSince: Date; askAt: Date }>({
    name: 'list-escalated',
    text: `
      select order_id as "orderId", status, amount_minor as "amountMinor", currency, capture_id as "captureId", owed_since as "owedSince", attempts,
        ask_at as "askAt", coalesce(last_answer, last_text, 'none yet') as "lastAnswer"
      ${escalated} and ($2::uuid is null or order_id > $2) order by order_id limit $3`,
    values: [answerDueMs, after, limit],
  });
  return rows.map((row) => ({ ...row, owedSince: row.owedSince.toISOString(), askAt: row.askAt.toISOString() }));
}

// An order that waited before owed_at was there is as old as the event that caused the call.
const escalated = `
  from payments left join nonsense_answers as nonsense using (order_id, status)
    cross join lateral (select coalesce(owed_at, uuid_extract_timestamp(call_cause_id)) as owed_since) as owed
    cross join lateral (select coalesce(first_at, owed_since + $1 * interval '1 millisecond') as since) as waiting
  where ask_at is not null and since <= now()`;
