import { alwaysTrueOfOrders } from '@sagamart/auditor/invariants';
import { firstSayings, nextSayings } from '@sagamart/auditor/saga-map';
import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { Sku } from '@sagamart/contracts/ids';
import type { Reservation } from '@sagamart/inventory/reservation';
import type { Stock } from '@sagamart/inventory/stock';
import { isOwed } from '@sagamart/payment/payment';
import type { Entry } from '@sagamart/psp-simulator/entry';
import { cancelWindowMs, sagaTopics, type OrderLife, type SagaTopic, type Said } from './order-life.ts';

/** The rules, in the words of the design (sections 4 and 7). A breach is the name of the rule that was broken. */
export const rulesKept = [
  ...alwaysTrueOfOrders,
  'somebody gets the last unit',
  'order per key',
  'a confirmed order is cancelled by its customer only, in time',
  'cause first',
  'no unreachable pair is met',
  'the provider is never asked nonsense',
  'no capture starts after the deadline',
  'rest: money',
  'rest: stock',
  'rest: told once',
  'rest: nothing lost or twice',
  'a good end stays reachable',
] as const;
export type Breach = (typeof rulesKept)[number];

/** What holds in every reachable state, also in mid-fault. */
export function alwaysBreaches(life: OrderLife): Breach[] {
  const { order, reservation, payment, ledger, said } = life;
  const breaches: Breach[] = [];
  const captures = count(ledger, 'capture');
  const { status } = order.order;
  const paid = payment.payment.status;
  const stock = reservation.reservation.status;
  if (status === 'confirmed' && (captures !== 1 || !hasSaid(said, 'inventory.events', 'stock.reserved')))
    breaches.push('confirmed was captured once and held');
  if (captures > 1 || count(ledger, 'refund') > captures) breaches.push('refunded <= captured <= 1');
  if (paid === 'refunding' && status !== 'cancelled') breaches.push('refunding is of a cancelled order');
  if (paid === 'captured' && captures === 0) breaches.push('captured is captured at the provider');
  if ((paid === 'voided' || paid === 'declined') && captures > 0) breaches.push('voided or declined has no capture');
  if (stock === 'committed' && !hasSaid(said, 'order.events', 'order.confirmed'))
    breaches.push('committed was confirmed');
  if (stock === 'released' && status !== 'cancelled') breaches.push('released is of a cancelled order');
  if (!isPublishedPath(said)) breaches.push('order per key');
  if (!isCancelledInTime(life)) breaches.push('a confirmed order is cancelled by its customer only, in time');
  return breaches;
}

/** What holds of an order once nothing of it is owed or under way. */
export function restBreaches(life: OrderLife): Breach[] {
  const { order, reservation, payment, correspondence, ledger, mailbox, refusals, said } = life;
  const { order: facts } = order;
  const { status } = facts;
  const breaches: Breach[] = [];
  const captured = amount(ledger, 'capture');
  const left = captured - amount(ledger, 'refund');
  const paid = payment.payment.status;
  const isMoneyRight =
    status === 'confirmed'
      ? left === facts.totalMinor && captured === left && paid === 'captured'
      : left === 0 && paid === (captured > 0 ? 'refunded' : count(ledger, 'decline') > 0 ? 'declined' : 'voided');
  if (!isMoneyRight || !saysWhatItIs(said, paid)) breaches.push('rest: money');
  const stock = reservation.reservation.status;
  if (status === 'confirmed' ? stock !== 'committed' : stock === 'held' || stock === 'committed')
    breaches.push('rest: stock');
  const outcomes = said['order.events'].slice(1).map(({ type }) => type.replace('order.', ''));
  const told = correspondence.notifications.map(({ notification }) => notification.outcome);
  const mailed = correspondence.notifications.flatMap(({ notification }) =>
    notification.status === 'sent' ? [notification.outcome] : [],
  );
  const isRightlyEnded = correspondence.notifications.every(({ notification: { outcome, status: end } }) => {
    if (facts.email === null) return end === 'no_address';
    return end === 'sent' ? mailbox.includes(outcome) : end === 'refused' && refusals.includes(outcome);
  });
  const isInOrder = sameWords(
    mailbox,
    told.filter((outcome) => mailbox.includes(outcome)),
  );
  if (!sameWords(told, outcomes) || !isRightlyEnded || !isInOrder) breaches.push('rest: told once');
  if (!sameWords(facts.heard.notifications, mailed) || facts.heard.payment !== paid || facts.heard.stock !== stock)
    breaches.push('rest: nothing lost or twice');
  return breaches;
}

/** Per sku: on hand, held and committed add up to what came in, none is below zero, and the orders hold what the stock says they do. */
export function isStockRight(
  stock: ReadonlyMap<Sku, Stock>,
  supplied: (sku: Sku) => number,
  reservations: readonly Reservation[],
): boolean {
  for (const [sku, { onHand, held, committed }] of stock) {
    const byOrders = { held: 0, committed: 0 };
    for (const of of reservations) {
      if (of.status !== 'held' && of.status !== 'committed') continue;
      for (const line of of.lines) if (line.sku === sku) byOrders[of.status] += line.quantity;
    }
    if (onHand < 0 || held !== byOrders.held || committed !== byOrders.committed) return false;
    if (onHand + held + committed !== supplied(sku)) return false;
  }
  return true;
}

/** Nothing of the order waits for anybody, provided that everything said was heard. */
export function isSettled({ order, payment, correspondence }: OrderLife): boolean {
  return (
    order.order.status !== 'pending' &&
    !isOwed(payment.payment) &&
    correspondence.notifications.every(({ notification }) => notification.status !== 'pending')
  );
}

/** Each topic tells a path of the published state machine, and its versions rise by one. */
function isPublishedPath(said: Said): boolean {
  return sagaTopics.every((topic) => isPath(said[topic]));
}

// A log is never changed in place.
const knownPaths = new WeakMap<readonly ShopEvent[], boolean>();

function isPath(events: readonly ShopEvent[]): boolean {
  const known = knownPaths.get(events);
  if (known !== undefined) return known;
  const isOne = events.every((event, index) => {
    const before = events[index - 1];
    const isNext = before === undefined ? firstSayings.has(event.type) : nextSayings[before.type].includes(event.type);
    return isNext && event.aggregateVersion === index + 1;
  });
  knownPaths.set(events, isOne);
  return isOne;
}

function isCancelledInTime({ order: { order }, said }: OrderLife): boolean {
  if (order.status !== 'cancelled' || !hasSaid(said, 'order.events', 'order.confirmed')) return true;
  if (order.reason !== 'customer_cancelled' || order.confirmedAt === null) return false;
  return Date.parse(order.cancelledAt) - Date.parse(order.confirmedAt) <= cancelWindowMs;
}

function saysWhatItIs(said: Said, paid: string): boolean {
  return said['payment.events'].at(-1)?.type === `payment.${paid}`;
}

function hasSaid(said: Said, topic: SagaTopic, type: ShopEvent['type']): boolean {
  return said[topic].some((event) => event.type === type);
}

function count(ledger: readonly Entry[], kind: Entry['kind']): number {
  return ledger.filter((entry) => entry.kind === kind).length;
}

function amount(ledger: readonly Entry[], kind: 'capture' | 'refund'): number {
  return ledger.reduce((sum, entry) => (entry.kind === kind ? sum + entry.amountMinor : sum), 0);
}

function sameWords(words: readonly string[], others: readonly string[]): boolean {
  return words.length === others.length && words.every((word, index) => word === others[index]);
}
