import { serviceNames, topicOwners, type ServiceName, type Topic } from '@sagamart/contracts/topics';
import type { Books, Finding, OrderRow } from './books.ts';
import { subscriptions } from './saga-map.ts';

/** What keeps an order (or the events of a sku) from being at rest, in words, and since when nothing has moved it. */
export type Unrest = { readonly about: string; readonly waitsFor: readonly string[]; readonly sinceMs: number };

/** What the sweeper of the order service waits for at most after a deadline. */
const graceMs = 15_000;

/**
 * Which keys of these books are not at rest. `paymentsLater` is how the payments were after the provider's ledger had been read: one that changed
 * meanwhile was read in the middle of its call.
 */
export function listUnrest(books: Books, paymentsLater: Books['payments']): Unrest[] {
  const waits = new Map<string, string[]>();
  const wait = (key: string, what: string) => void waits.set(key, [...(waits.get(key) ?? []), what]);
  const laterStatus = new Map(paymentsLater.map(({ orderId, status }) => [orderId, status]));

  for (const { orderId, status } of books.orders) if (status === 'pending') wait(orderId, 'it is pending');
  for (const { orderId, status } of books.payments) {
    const later = laterStatus.get(orderId);
    if (owing.has(status)) wait(orderId, `its payment is ${status}`);
    else if (later !== status) wait(orderId, `its payment was ${status} and is ${later}`);
  }
  for (const { orderId, outcome, status } of books.notifications)
    if (status === 'pending') wait(orderId, `the notification of being ${outcome} is not sent`);
  for (const service of serviceNames) {
    for (const { key, topic, type, reason, status } of books.messages[service].parked)
      if (status === 'parked') wait(key, `${type ?? 'a message'} of ${topic} is parked at ${service}: ${reason}`);
    for (const row of unheard(books, service)) wait(row.key, `${service} has not heard ${row.type} (event ${row.id})`);
  }
  const orders = new Map(books.orders.map((order) => [order.orderId, order]));
  const changes = lastChanges(books);
  return [...waits].map(([about, waitsFor]) => ({
    about,
    waitsFor,
    sinceMs: restDueAtMs(orders.get(about), changes.get(about)),
  }));
}

/** An order that was not at rest for so long after it had to be is a finding of its own, and is judged as it is. */
export function compareUnrest(unrest: readonly Unrest[], overdueSinceMs: number): Finding[] {
  return unrest
    .filter(({ sinceMs }) => sinceMs < overdueSinceMs)
    .flatMap(({ about, waitsFor }) => waitsFor.map((detail) => ({ invariant: 'stuck', about, detail }) as const));
}

const owing = new Set(['capturing', 'voiding', 'refunding']);

function* unheard({ messages }: Books, reader: ServiceName) {
  const { inbox, parked } = messages[reader];
  const heard = new Set([...inbox.map(({ id }) => id), ...parked.map(({ eventId }) => eventId)]);
  for (const topic of subscriptions[reader])
    for (const row of messages[topicOwners[topic]].outbox)
      if ((row.topic as Topic) === topic && !heard.has(row.id)) yield row;
}

/** When the last thing was written down about a key, by those who said or heard it. What nobody of ours said has not changed: it is foreign. */
function lastChanges({ messages }: Books): Map<string, number> {
  const changes = new Map<string, number>();
  const note = (key: string, moment: number) => void changes.set(key, Math.max(changes.get(key) ?? 0, moment));
  for (const service of serviceNames)
    for (const { key, writtenAtMs } of messages[service].outbox) note(key, writtenAtMs);
  for (const service of serviceNames)
    for (const { key, receivedAtMs } of messages[service].inbox) if (changes.has(key)) note(key, receivedAtMs);
  return changes;
}

/** A foreign key is never due: its parked messages wait for an operator and are nobody's fault. */
function restDueAtMs(order: OrderRow | undefined, changedAtMs: number | undefined): number {
  if (order?.status === 'pending') return order.deadlineAtMs + graceMs;
  return changedAtMs ?? (order === undefined ? Infinity : order.deadlineAtMs + graceMs);
}
