import { setTimeout as pause } from 'node:timers/promises';
import { topicOwners, type ServiceName } from '@sagamart/contracts/topics';
import type { Reader } from './database-reader.ts';
import { subscriptions } from './saga-map.ts';

/** A shop is at rest when nothing is under way any more. Otherwise `unmet` says in words what is. */
export type Rest = { readonly atRest: boolean; readonly unmet: readonly string[] };

const pollMs = 100;

type Counts = Readonly<Record<ServiceName, ReadonlyMap<string, number>>>;

/** Counts only, no rows: it is asked often. That the ids behind equal counts are equal is for the comparison to say. */
export function createRestWatch(readers: Readonly<Record<ServiceName, Reader>>): {
  waitUntilAtRest: (options: { deadlineMs: number }) => Promise<Rest>;
} {
  const readCounts = async (): Promise<Counts> => {
    const [order, inventory, payment, notification] = await Promise.all([
      countsOf(
        readers.order,
        "select 'orders are pending' as what, count(*)::int from orders where status = 'pending'",
      ),
      countsOf(
        readers.inventory,
        "select 'reservations are held' as what, count(*)::int from reservations where status in ('unseen', 'held')",
      ),
      countsOf(
        readers.payment,
        "select 'payments are under way' as what, count(*)::int from payments where status not in ('captured', 'declined', 'voided', 'refunded')",
      ),
      countsOf(
        readers.notification,
        "select 'notifications wait to be sent' as what, count(*)::int from notifications where status = 'pending'",
      ),
    ]);
    return { order, inventory, payment, notification };
  };

  return {
    waitUntilAtRest: async ({ deadlineMs }) => {
      const deadline = Date.now() + deadlineMs;
      let before = '';
      for (;;) {
        const counts = await readCounts();
        const unmet = unmetConditions(counts);
        const now = JSON.stringify(Object.values(counts).map((each) => [...each]));
        if (unmet.length === 0 && now === before) return { atRest: true, unmet };
        if (Date.now() > deadline)
          return { atRest: false, unmet: unmet.length > 0 ? unmet : ['the counts still change'] };
        before = unmet.length === 0 ? now : '';
        await pause(pollMs);
      }
    },
  };
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

async function countsOf(reader: Reader, underWaySql: string): Promise<Map<string, number>> {
  const { rows } = await reader.query(`
    ${underWaySql}
    union all select 'messages are parked', count(*)::int from parked_messages where status = 'parked'
    union all select 'said ' || topic, count(*)::int from outbox group by topic
    union all select 'heard ' || topic, count(*)::int from inbox group by topic
    order by 1`);
  return new Map((rows as { what: string; count: number }[]).map(({ what, count }) => [what, count]));
}
