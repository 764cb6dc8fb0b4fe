import type { CustomerId, EventId, OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Reader, Tx } from '@sagamart/service-kit/database';
import type { Counters } from '@sagamart/service-kit/transition';
import type { Payment, Terms } from './payment.ts';

/** A payment with what it takes to ask the provider and to speak of the answer. */
export type StoredPayment = {
  readonly orderId: OrderId;
  /** Null until order.placed was heard. */
  readonly customerId: CustomerId | null;
  readonly payment: Payment;
  readonly callCauseId: EventId | null;
  readonly traceparent: string | null;
} & Counters;

/** Locks the orders' payments, created `waiting` where missing, sorted by order id. */
export async function lockPayments(tx: Tx, orderIds: readonly OrderId[]): Promise<StoredPayment[]> {
  const [, { rows }] = await Promise.all([
    tx.query({
      name: 'create-payments',
      text: `insert into payments (order_id) select order_id from unnest($1::uuid[]) as order_id order by order_id
             on conflict (order_id) do nothing`,
      values: [orderIds],
    }),
    tx.query<PaymentRow>({
      name: 'lock-payments',
      text: `select ${columns} from payments where order_id = any($1) order by order_id for update`,
      values: [orderIds],
    }),
  ]);
  return rows.map(fromRow);
}

/** Writes the payments, each row once. One that has become `capturing` is due to be asked for at once. */
export async function updatePayments(tx: Tx, payments: readonly StoredPayment[]): Promise<void> {
  await tx.query({
    name: 'update-payments',
    text: `
      update payments set (customer_id, status, amount_minor, currency, payment_method, deadline_at, stock_reserved, capture_id, decline_reason,
          call_cause_id, traceparent, ask_at, lamport, version) =
        (changed.customer_id, changed.status, changed.amount_minor, changed.currency, changed.payment_method, changed.deadline_at,
         changed.stock_reserved, changed.capture_id, changed.decline_reason, changed.call_cause_id, changed.traceparent,
         case when changed.status = 'capturing' then coalesce(payments.ask_at, now()) end, changed.lamport, changed.version)
      from json_to_recordset($1) as changed (order_id uuid, customer_id uuid, status text, amount_minor bigint, currency text, payment_method text,
        deadline_at timestamptz, stock_reserved boolean, capture_id text, decline_reason text, call_cause_id uuid, traceparent text,
        lamport bigint, version bigint)
      where payments.order_id = changed.order_id`,
    values: [JSON.stringify(payments.map(toRow))],
  });
}

export async function findPayment(reader: Reader, orderId: OrderId): Promise<StoredPayment | null> {
  const { rows } = await reader.query<PaymentRow>({
    name: 'find-payment',
    text: `select ${columns} from payments where order_id = $1`,
    values: [orderId],
  });
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

/** A capture the provider is to be asked for, and how often it was asked before. */
export type DueCapture = { readonly orderId: OrderId; readonly terms: Terms; readonly attempts: number };

/**
 * Takes due captures for this process: until `leaseMs` from now no other process asks for them. The lease is only politeness; that a capture
 * happens once rests on the provider's idempotency key.
 */
export async function claimDueCaptures(
  reader: Reader,
  options: { limit: number; leaseMs: number },
): Promise<DueCapture[]> {
  const { rows } = await reader.query<TermsColumns & { order_id: OrderId; attempts: number }>({
    name: 'claim-due-captures',
    text: `
      update payments set attempts = attempts + 1, ask_at = now() + $2 * interval '1 millisecond'
      where order_id in (
        select order_id from payments where status = 'capturing' and ask_at <= now() order by ask_at limit $1 for update skip locked)
      returning order_id, attempts, amount_minor, currency, payment_method, deadline_at`,
    values: [options.limit, options.leaseMs],
  });
  return rows.flatMap((row) => {
    const terms = termsOf(row);
    return terms === null ? [] : [{ orderId: row.order_id, terms, attempts: row.attempts }];
  });
}

/** Asks again after a pause, earlier than the lease would allow: used when the answer, though no result, is known to have come. */
export async function postponeCapture(reader: Reader, orderId: OrderId, pauseMs: number): Promise<void> {
  await reader.query({
    name: 'postpone-capture',
    text: `update payments set ask_at = now() + $2 * interval '1 millisecond' where order_id = $1 and status = 'capturing'`,
    values: [orderId, pauseMs],
  });
}

const columns = `order_id, customer_id, status, amount_minor, currency, payment_method, deadline_at, stock_reserved, capture_id, decline_reason,
  call_cause_id, traceparent, lamport, version`;

type TermsColumns = {
  amount_minor: number | null;
  currency: Currency | null;
  payment_method: string | null;
  deadline_at: Date | null;
};

type PaymentRow = TermsColumns & {
  order_id: OrderId;
  customer_id: CustomerId | null;
  status: Payment['status'];
  stock_reserved: boolean;
  capture_id: string | null;
  decline_reason: string | null;
  call_cause_id: EventId | null;
  traceparent: string | null;
  lamport: number;
  version: number;
};

function fromRow(row: PaymentRow): StoredPayment {
  return {
    orderId: row.order_id,
    customerId: row.customer_id,
    payment: stateOf(row),
    callCauseId: row.call_cause_id,
    traceparent: row.traceparent,
    lamport: row.lamport,
    version: row.version,
  };
}

function stateOf(row: PaymentRow): Payment {
  const terms = termsOf(row);
  const { status, capture_id: captureId, decline_reason: declineReason } = row;
  if (status === 'waiting') return { status, terms, stockReserved: row.stock_reserved };
  if (status === 'voided') return { status, terms };
  if (terms !== null) {
    if (status === 'capturing') return { status, terms };
    if (status === 'captured' && captureId !== null) return { status, terms, captureId };
    if (status === 'declined' && declineReason !== null) return { status, terms, declineReason };
  }
  throw new RangeError(
    `payment ${row.order_id} is ${status} without what that takes: the table's checks should have refused it`,
  );
}

function termsOf({ amount_minor, currency, payment_method, deadline_at }: TermsColumns): Terms | null {
  if (amount_minor === null || currency === null || payment_method === null || deadline_at === null) return null;
  return { amountMinor: amount_minor, currency, paymentMethod: payment_method, deadline: deadline_at.toISOString() };
}

function toRow({ orderId, customerId, payment, callCauseId, traceparent, lamport, version }: StoredPayment) {
  const { status, terms } = payment;
  return {
    order_id: orderId,
    customer_id: customerId,
    status,
    amount_minor: terms?.amountMinor ?? null,
    currency: terms?.currency ?? null,
    payment_method: terms?.paymentMethod ?? null,
    deadline_at: terms?.deadline ?? null,
    stock_reserved: status === 'waiting' ? payment.stockReserved : status !== 'voided',
    capture_id: status === 'captured' ? payment.captureId : null,
    decline_reason: status === 'declined' ? payment.declineReason : null,
    call_cause_id: callCauseId,
    traceparent,
    lamport,
    version,
  };
}
