import type { Books, Finding, LedgerEntry } from './books.ts';

/** Invariant 2: the orders, the payments and the provider's ledger tell of the same money. */
export function compareMoney(books: Books): Finding[] {
  return [...compareOrdersWithLedger(books), ...comparePaymentsWithLedger(books)];
}

/** Confirmed: exactly one capture, of exactly the total. Anything else: none. */
function compareOrdersWithLedger(books: Books): Finding[] {
  const findings: Finding[] = [];
  const capturesOf = Map.groupBy(
    books.ledger.filter(({ status }) => status === 'captured'),
    ({ reference }) => reference,
  );
  for (const { orderId, status, totalMinor, currency } of books.orders) {
    const captures = capturesOf.get(orderId) ?? [];
    const report = (detail: string) => findings.push({ invariant: 'money', about: orderId, detail });
    if (status !== 'confirmed') {
      if (captures.length > 0) report(`is ${status}, but the provider has captured ${sumOf(captures)}`);
      continue;
    }
    const [capture, ...more] = captures;
    if (capture === undefined) report('is confirmed, but the provider has captured nothing');
    else if (more.length > 0) report(`is confirmed, but the provider has captured ${captures.length} times`);
    else if (capture.amountMinor !== totalMinor || capture.currency !== currency) {
      report(
        `totals ${totalMinor} ${currency}, but the provider has captured ${capture.amountMinor} ${capture.currency}`,
      );
    }
  }
  return findings;
}

/** Line by line: each payment that reached the provider is one ledger entry with the same outcome, and there are no others. */
function comparePaymentsWithLedger(books: Books): Finding[] {
  const findings: Finding[] = [];
  const entriesOf = Map.groupBy(books.ledger, ({ reference }) => reference);
  const orders = new Map(books.orders.map((order) => [order.orderId, order]));
  const paid = new Set<string>();
  for (const payment of books.payments) {
    const { orderId, status } = payment;
    paid.add(orderId);
    const report = (detail: string) => findings.push({ invariant: 'money', about: orderId, detail });
    const [entry, ...more] = entriesOf.get(orderId) ?? [];
    const settled = status === 'captured' || status === 'declined';
    if (more.length > 0) report(`has ${more.length + 1} entries in the provider's ledger`);
    if (entry === undefined) {
      if (settled) report(`the payment is ${status}, but the provider's ledger has no entry of it`);
    } else if (settled ? entry.status !== status : entry.status === 'captured') {
      report(`the payment is ${status}, but the provider's ledger says ${entry.status}`);
    } else if (status === 'captured') {
      if (entry.captureId !== payment.captureId)
        report(`the payment notes capture ${payment.captureId}, the provider ${entry.captureId}`);
      if (entry.amountMinor !== payment.amountMinor || entry.currency !== payment.currency) {
        report(
          `the payment notes ${payment.amountMinor} ${payment.currency}, the provider ${entry.amountMinor} ${entry.currency}`,
        );
      }
    }
    if (entry !== undefined && entry.idempotencyKey !== `capture-${orderId}`) {
      report(`was captured under the key ${entry.idempotencyKey}, not capture-${orderId}`);
    }
    const order = orders.get(orderId);
    if (order === undefined) report('has a payment, but there is no such order');
    else if (
      payment.amountMinor !== null &&
      (payment.amountMinor !== order.totalMinor || payment.currency !== order.currency)
    ) {
      report(
        `totals ${order.totalMinor} ${order.currency}, but its payment is about ${payment.amountMinor} ${payment.currency}`,
      );
    }
  }
  for (const { reference, captureId } of books.ledger) {
    if (!paid.has(reference))
      findings.push({
        invariant: 'money',
        about: reference,
        detail: `the provider's ledger has ${captureId} of it, but there is no payment`,
      });
  }
  for (const { orderId } of books.orders) {
    if (!paid.has(orderId)) findings.push({ invariant: 'money', about: orderId, detail: 'has no payment row' });
  }
  return findings;
}

function sumOf(captures: readonly LedgerEntry[]): string {
  const [first] = captures;
  return `${captures.reduce((sum, { amountMinor }) => sum + amountMinor, 0)} ${first?.currency ?? ''}`;
}
