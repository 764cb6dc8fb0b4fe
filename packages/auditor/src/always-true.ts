import type { Books, Finding, LedgerEntry, MovementRow, OrderRow } from './books.ts';
import type { Invariant } from './invariants.ts';
import { entriesByOrder } from './outside-world.ts';

/** What was read first. A database that could not be read has said nothing. */
export type Earlier = Pick<Books, 'orders' | 'reservations' | 'payments'>;

/** What was read after it. Null is what could not be read: nothing is concluded from that. */
export type Later = {
  readonly orders: readonly OrderRow[] | null;
  readonly movements: readonly MovementRow[] | null;
  readonly ledger: readonly LedgerEntry[] | null;
};

/**
 * What holds of an order in every state, as far as it could be read. Each rule says "if this, then that": this was read earlier and that later, and none
 * of that ever becomes false again, so it may be checked while everything moves.
 */
export function compareAlways(earlier: Earlier, later: Later): Finding[] {
  return [
    ...(later.ledger === null ? [] : compareWithLedger(earlier, later.ledger)),
    ...(later.orders === null ? [] : compareWithOrders(earlier, later.orders)),
    ...(later.movements === null ? [] : compareWithMovements(earlier, later.movements)),
  ];
}

function compareWithLedger({ orders, payments }: Earlier, ledger: readonly LedgerEntry[]): Finding[] {
  const findings: Finding[] = [];
  const report = reporterOf(findings);
  const entriesOf = entriesByOrder(ledger);
  const capturesOf = (orderId: string) => (entriesOf.get(orderId) ?? []).filter(({ kind }) => kind === 'capture');

  for (const [orderId, entries] of entriesOf) {
    const captures = capturesOf(orderId);
    const refunds = entries.filter(({ kind }) => kind === 'refund');
    if (captures.length > 1 || sumOf(refunds) > sumOf(captures))
      report(
        'refunded <= captured <= 1',
        orderId,
        `${captures.length} captures of ${sumOf(captures)}, refunded ${sumOf(refunds)}`,
      );
  }
  for (const { orderId, wasConfirmed } of orders) {
    const captures = capturesOf(orderId).length;
    if (wasConfirmed && captures !== 1)
      report(
        'confirmed was captured once and held',
        orderId,
        `is confirmed, but the provider has captured ${captures} times`,
      );
  }
  for (const { orderId, status } of payments) {
    const captures = capturesOf(orderId).length;
    if (['captured', 'refunding', 'refunded'].includes(status) && captures === 0)
      report(
        'captured is captured at the provider',
        orderId,
        `the payment is ${status}, but the provider has captured nothing`,
      );
    if (['voided', 'declined'].includes(status) && captures > 0)
      report('voided or declined has no capture', orderId, `the payment is ${status}, but the provider has captured`);
  }
  return findings;
}

function compareWithOrders({ payments, reservations }: Earlier, orders: readonly OrderRow[]): Finding[] {
  const findings: Finding[] = [];
  const report = reporterOf(findings);
  const orderOf = new Map(orders.map((order) => [order.orderId, order]));
  const worded = (orderId: string) => orderOf.get(orderId)?.status ?? 'not known';

  for (const { orderId, status } of payments)
    if (['refunding', 'refunded'].includes(status) && orderOf.get(orderId)?.status !== 'cancelled')
      report(
        'refunding is of a cancelled order',
        orderId,
        `the payment is ${status}, but the order is ${worded(orderId)}`,
      );
  for (const { orderId, status } of reservations) {
    const order = orderOf.get(orderId);
    if (status === 'committed' && order?.wasConfirmed !== true)
      report('committed was confirmed', orderId, `its stock is committed, but the order is ${worded(orderId)}`);
    if (status === 'released' && order?.status !== 'cancelled')
      report('released is of a cancelled order', orderId, `its stock is released, but the order is ${worded(orderId)}`);
  }
  return findings;
}

function compareWithMovements({ orders }: Earlier, movements: readonly MovementRow[]): Finding[] {
  const held = new Set(movements.filter(({ kind }) => kind === 'hold').map(({ orderId }) => orderId));
  return orders
    .filter(({ orderId, wasConfirmed }) => wasConfirmed && !held.has(orderId))
    .map(({ orderId }) => ({
      invariant: 'confirmed was captured once and held',
      about: orderId,
      detail: 'is confirmed, but its stock was never held',
    }));
}

function reporterOf(findings: Finding[]) {
  return (invariant: Invariant, about: string, detail: string) => void findings.push({ invariant, about, detail });
}

function sumOf(entries: readonly LedgerEntry[]): number {
  return entries.reduce((sum, { amountMinor }) => sum + (amountMinor ?? 0), 0);
}
