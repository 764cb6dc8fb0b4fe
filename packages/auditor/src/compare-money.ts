import { uuidv7TimeMs } from '@sagamart/contracts/ids';
import type { Books, Finding, LedgerEntry, OrderRow, PaymentRow } from './books.ts';
import { entriesByOrder } from './outside-world.ts';

type Report = (detail: string) => void;

/** Invariant 2: the orders, the payments and the provider's ledger tell of the same money. */
export function compareMoney(books: Books): Finding[] {
  const findings: Finding[] = [];
  const reportOf =
    (about: string): Report =>
    (detail) =>
      void findings.push({ invariant: 'money', about, detail });
  const orders = new Map(books.orders.map((order) => [order.orderId, order]));
  const entriesOf = entriesByOrder(books.ledger);
  const lastSaid = lastSayings(books);
  const payments = new Map(books.payments.map((payment) => [payment.orderId, payment]));

  for (const order of books.orders) {
    const report = reportOf(order.orderId);
    const entries = entriesOf.get(order.orderId) ?? [];
    const payment = payments.get(order.orderId);
    compareOrder(order, entries, payment !== undefined && isRefundedElsewhere(payment, entries), report);
    if (payment === undefined) report('has no payment row');
  }
  for (const payment of books.payments) {
    const report = reportOf(payment.orderId);
    comparePaymentWithOrder(payment, orders.get(payment.orderId), report);
    comparePaymentWithLedger(payment, entriesOf.get(payment.orderId) ?? [], report);
    if (uuidv7TimeMs(payment.orderId) >= books.messages.payment.outboxHoldsFromMs)
      comparePaymentWithWords(payment, lastSaid.get(payment.orderId) ?? 'nothing', report);
  }
  for (const [orderId, entries] of entriesOf)
    if (!payments.has(orderId))
      for (const { kind, key } of entries)
        reportOf(orderId)(`the provider's ledger has a ${kind} of it (${key}), but there is no payment`);
  return findings;
}

/** Confirmed: exactly one capture, of exactly the total, not refunded. Anything else: what was captured was refunded. */
function compareOrder(order: OrderRow, entries: readonly LedgerEntry[], isGivenBack: boolean, report: Report): void {
  const { status, totalMinor, currency } = order;
  const captures = entries.filter(({ kind }) => kind === 'capture');
  const refunds = entries.filter(({ kind }) => kind === 'refund');
  const [capture] = captures;
  if (captures.length > 1) report(`the provider has captured ${captures.length} times`);
  if (refunds.length > 1) report(`the provider has refunded ${refunds.length} times`);
  if (sumOf(refunds) > sumOf(captures))
    report(`the provider has refunded ${sumOf(refunds)}, but captured only ${sumOf(captures)}`);
  if (capture !== undefined && (capture.amountMinor !== totalMinor || capture.currency !== currency)) {
    report(`totals ${totalMinor} ${currency}, but the provider has captured ${worded(capture)}`);
  }
  if (status === 'confirmed') {
    if (capture === undefined) report('is confirmed, but the provider has captured nothing');
    for (const refund of refunds) report(`is confirmed, but the provider has refunded ${worded(refund)}`);
  } else if (capture !== undefined && sumOf(captures) > sumOf(refunds) && !isGivenBack) {
    report(`is ${status}, but the provider has captured ${worded(capture)} and refunded ${sumOf(refunds)}`);
  }
}

function comparePaymentWithOrder(payment: PaymentRow, order: OrderRow | undefined, report: Report): void {
  const { amountMinor, currency } = payment;
  if (order === undefined) report('has a payment, but there is no such order');
  else if (amountMinor !== null && (amountMinor !== order.totalMinor || currency !== order.currency)) {
    report(`totals ${order.totalMinor} ${order.currency}, but its payment is about ${amountMinor} ${currency}`);
  }
}

/** What the provider's ledger may hold of a payment, by how far the payment is. */
const entriesAt: Readonly<Record<string, readonly string[]>> = {
  waiting: [''],
  capturing: ['', 'capture', 'decline'],
  captured: ['capture'],
  declined: ['decline'],
  voiding: ['', 'capture', 'decline', 'void'],
  voided: ['', 'void'],
  refunding: ['capture', 'capture, refund'],
  refunded: ['capture, refund'],
};

/** What it may hold besides where a person had the last word: nothing was captured, or the money went back by another way. */
const entriesByHand: Readonly<Record<string, readonly string[]>> = {
  declined: ['', 'void'],
  refunded: ['capture'],
};

/** Whether a person has said that the money went back, and it was not the provider that gave it back: by bank transfer, say. */
export function isRefundedElsewhere({ status, settledBy }: PaymentRow, entries: readonly LedgerEntry[]): boolean {
  return status === 'refunded' && settledBy === 'person' && !entries.some(({ kind }) => kind === 'refund');
}

/** Line by line: what the payment says happened is what the provider wrote down, under the keys of this order and no others. */
function comparePaymentWithLedger(payment: PaymentRow, entries: readonly LedgerEntry[], report: Report): void {
  const { orderId, status, captureId, refundId, settledBy } = payment;
  const kinds = entries.map(({ kind }) => kind).join(', ');
  const mayHold = [...(entriesAt[status] ?? []), ...(settledBy === 'person' ? (entriesByHand[status] ?? []) : [])];
  if (!mayHold.includes(kinds))
    report(`the payment is ${status}, but the provider's ledger has ${kinds || 'no entry of it'}`);
  for (const entry of entries) {
    const { kind, key } = entry;
    const due = `${kind === 'refund' ? 'refund' : 'capture'}-${orderId}`;
    const isTakenOver = kind === 'refund' && settledBy !== null && entry.refundId === refundId;
    if (key !== due && !isTakenOver) report(`the ${kind} went by the key ${key}, not ${due}`);
    if (kind !== 'capture' && kind !== 'refund') continue;
    if (captureId !== null && entry.captureId !== captureId)
      report(`the payment notes capture ${captureId}, the provider's ${kind} ${entry.captureId}`);
    if (kind === 'refund' && refundId !== null && entry.refundId !== refundId)
      report(`the payment notes refund ${refundId}, the provider ${entry.refundId}`);
    if (entry.amountMinor !== payment.amountMinor || entry.currency !== payment.currency)
      report(`the payment notes ${payment.amountMinor} ${payment.currency}, the provider's ${kind} ${worded(entry)}`);
  }
  if (captureId === null && (status === 'captured' || status === 'refunded')) report(`is ${status} without a capture`);
  if (refundId === null && status === 'refunded') report('is refunded without a refund');
}

/** Each settled payment has said so, and nothing since. */
function comparePaymentWithWords({ status }: PaymentRow, said: string, report: Report): void {
  const settled = ['captured', 'declined', 'voided', 'refunded'].includes(status);
  if (settled && said !== `payment.${status}`)
    report(`the payment is ${status}, but the last thing said of it is ${said}`);
}

function lastSayings({ messages }: Books): Map<string, string> {
  return new Map(messages.payment.outbox.map(({ key, type }) => [key, type]));
}

function sumOf(entries: readonly LedgerEntry[]): number {
  return entries.reduce((sum, { amountMinor }) => sum + (amountMinor ?? 0), 0);
}

function worded({ amountMinor, currency }: LedgerEntry): string {
  return `${amountMinor} ${currency}`;
}
