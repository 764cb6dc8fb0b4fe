import { topicOwners, type ServiceName } from '@sagamart/contracts/topics';
import type { Reader } from './database-reader.ts';
import { subscriptions } from './saga-map.ts';

/** A span of time, in Unix milliseconds: the orders that were placed in it and the events that were said in it. */
export type Span = { readonly fromMs: number; readonly beforeMs: number };

type Counts = Readonly<Record<ServiceName, ReadonlyMap<string, number>>>;

/**
 * What keeps the orders and the events of a span of time from being at rest. Counts only, no rows: cheap enough to be asked ten times a second under
 * load. That the ids behind equal counts are equal is for the audit to say.
 */
export async function readBacklog(readers: Readonly<Record<ServiceName, Reader>>, span: Span): Promise<string[]> {
  const [order, inventory, payment, notification] = await Promise.all([
    countsOf(
      readers.order,
      "select 'orders are pending' as what, count(*)::int from orders where status = 'pending'",
      span,
    ),
    countsOf(
      readers.inventory,
      "select 'reservations are held' as what, count(*)::int from reservations where status in ('unseen', 'held')",
      span,
    ),
    countsOf(
      readers.payment,
      "select 'payments are under way' as what, count(*)::int from payments where status not in ('captured', 'declined', 'voided', 'refunded')",
      span,
    ),
    countsOf(
      readers.notification,
      "select 'notifications wait to be sent' as what, count(*)::int from notifications where status = 'pending'",
      span,
    ),
  ]);
  return unmetConditions({ order, inventory, payment, notification });
}

/** What keeps a shop with these counts from being at rest. Exported for its test. */
export function unmetConditions(counts: Counts): string[] {
  const unmet: string[] = [];
  for (const service of Object.keys(subscriptions) as ServiceName[]) {
    for (const [what, count] of counts[service]) {
      if (!/^(said|heard) /.test(what) && count > 0) unmet.push(`${service}: ${count} ${what}`);
    }
    for (const topic of subscriptions[service]) {
      const said = counts[topicOwners[topic]].get(`said ${topic}`) ?? 0;
      const heard = counts[service].get(`heard ${topic}`) ?? 0;
      if (heard < said) unmet.push(`${service}: ${said - heard} of ${said} events of ${topic} not yet heard`);
    }
  }
  return unmet;
}

async function countsOf(reader: Reader, underWaySql: string, span: Span): Promise<Map<string, number>> {
  // Orders and events carry the time of their making in their ids.
  const isInSpan = (id: string): string => `${id} >= uuidv7_floor($1) and ${id} < uuidv7_floor($2)`;
  const values = [new Date(span.fromMs), new Date(span.beforeMs)];
  const sql = `
    ${underWaySql} and ${isInSpan('order_id')}
    union all select 'messages are parked', count(*)::int from parked_messages where status = 'parked'
    union all select 'said ' || topic, count(*)::int from outbox where ${isInSpan('event_id')} group by topic
    union all select 'heard ' || topic, count(*)::int from inbox where ${isInSpan('event_id')} group by topic
    order by 1`;
  const { rows } = await reader.query(sql, values);
  return new Map((rows as { what: string; count: number }[]).map(({ what, count }) => [what, count]));
}
