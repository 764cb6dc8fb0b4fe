import type { CustomerId, EventId, OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Repository } from '@sagamart/service-kit/aggregate';
import { storable, type Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { rowsCountedMax, type Unfinished } from '@sagamart/service-kit/database-metrics';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { answerTextMax } from './nonsense-store.ts';
import {
  isOwed,
  paymentAggregate,
  type Owed,
  type Payment,
  type PaymentInput,
  type PaymentRow,
  type Terms,
} from './payment.ts';

/** Payments in PostgreSQL, created `waiting` where missing. */
export const payments: Repository<OrderId, PaymentRow, PaymentInput> = {
  aggregate: paymentAggregate,
  keyOf: orderIdOf,
  lock: async (tx, inputs) => {
    const orderIds = [...new Set(inputs.map(orderIdOf))];
    const [, { rows }] = await Promise.all([
      tx.query({
        name: 'create-payments',
        text: `insert into payments (order_id) select order_id from unnest($1::uuid[]) as order_id order by order_id
               on conflict (order_id) do nothing`,
        values: [orderIds],
      }),
      tx.query<PaymentColumns>({
        name: 'lock-payments',
        text: `select ${columns} from payments where order_id = any($1) order by order_id for update`,
        values: [orderIds],
      }),
    ]);
    return new Map(rows.map((row) => [row.order_id, fromRow(row)]));
  },
  write: async (tx, { rows, events }) => {
    await Promise.all([updatePayments(tx, rows), appendToOutbox(tx, events)]);
  },
};

function orderIdOf(input: PaymentInput): OrderId {
  return input.type === 'reply' ? input.orderId : input.data.orderId;
}

/** Writes the payments, each row once. One of which the provider has come to owe another answer is due to be asked for at once. */
async function updatePayments(tx: Transaction, changed: readonly PaymentRow[]): Promise<void> {
  await tx.query({
    name: 'update-payments',
    text: `
      update payments set (customer_id, status, amount_minor, currency, payment_method, deadline_at, stock_reserved, capture_id, refund_id,
          decline_reason, call_cause_id, traceparent, attempts, ask_at, owed_at, last_answer, lamport, version) =
        (changed.customer_id, changed.status, changed.amount_minor, changed.currency, changed.payment_method, changed.deadline_at,
         changed.stock_reserved, changed.capture_id, changed.refund_id, changed.decline_reason, changed.call_cause_id, changed.traceparent,
         case when changed.status = payments.status then payments.attempts else 0 end,
         case when changed.owed then case when changed.status = payments.status then payments.ask_at else now() end end,
         case when changed.owed then case when changed.status = payments.status then payments.owed_at else now() end end,
         case when changed.owed and changed.status = payments.status then payments.last_answer end,
         changed.lamport, changed.version)
      from json_to_recordset($1) as changed (order_id uuid, customer_id uuid, status text, amount_minor bigint, currency text, payment_method text,
        deadline_at timestamptz, stock_reserved boolean, capture_id text, refund_id text, decline_reason text, call_cause_id uuid,
        traceparent text, owed boolean, lamport bigint, version bigint)
      where payments.order_id = changed.order_id`,
    values: [JSON.stringify(changed.map(toRow))],
  });
}

export async function findPayment(reader: Reader, orderId: OrderId): Promise<PaymentRow | null> {
  const { rows } = await reader.query<PaymentColumns>({
    name: 'find-payment',
    text: `select ${columns} from payments where order_id = $1`,
    values: [orderId],
  });
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

/** An answer the provider owes, the event that made it owe it, and how often it was asked before. */
export type DueCall = {
  readonly orderId: OrderId;
  readonly payment: Owed;
  readonly causeId: EventId | null;
  readonly traceparent: string | null;
  readonly attempts: number;
};

/**
 * Takes due calls for this process: until `leaseMs` from now no other process makes them. The lease is only politeness; that money moves
 * once rests on the provider's idempotency keys.
 */
export async function claimDueCalls(reader: Reader, options: { limit: number; leaseMs: number }): Promise<DueCall[]> {
  const { rows } = await reader.query<PaymentColumns & { attempts: number }>({
    name: 'claim-due-calls',
    text: `
      update payments set attempts = attempts + 1, ask_at = now() + $2 * interval '1 millisecond'
      where order_id in (select order_id from payments where ask_at <= now() order by ask_at limit $1 for update skip locked)
      returning attempts, ${columns}`,
    values: [options.limit, options.leaseMs],
  });
  return rows.flatMap((row) => {
    const payment = stateOf(row);
    if (!isOwed(payment)) return [];
    const { order_id: orderId, call_cause_id: causeId, traceparent, attempts } = row;
    return [{ orderId, payment, causeId, traceparent, attempts }];
  });
}

/** Asks again after a pause, if the same answer is still owed: used when a call has ended without one. `answer` is what it brought instead. */
export async function postponeCall(
  reader: Reader,
  { orderId, payment }: DueCall,
  { pauseMs, answer }: { pauseMs: number; answer: string },
): Promise<void> {
  await reader.query({
    name: 'postpone-call',
    text: `update payments set ask_at = now() + $3 * interval '1 millisecond', last_answer = $4 where order_id = $1 and status = $2`,
    values: [orderId, payment.status, pauseMs, storable(answer.slice(0, answerTextMax))],
  });
}

/** How many captures, voids and refunds the provider still owes an answer for, and how long ago the oldest of each was caused. */
export async function readOwed(reader: Reader): Promise<Unfinished[]> {
  const { rows } = await reader.query<Unfinished>({
    name: 'read-owed',
    text: `
      select 'payment_' || state as state, count(caused_at) as rows,
        coalesce(extract(epoch from clock_timestamp() - min(caused_at)), 0)::float8 as "oldestAgeSeconds"
      from unnest(array['capturing', 'voiding', 'refunding']) as state
      left join (select status, uuid_extract_timestamp(call_cause_id) as caused_at from payments where ask_at is not null order by ask_at limit $1)
        as owed on owed.status = state
      group by state`,
    values: [rowsCountedMax],
  });
  return rows;
}

const columns = `order_id, customer_id, status, amount_minor, currency, payment_method, deadline_at, stock_reserved, capture_id, refund_id, decline_reason,
  call_cause_id, traceparent, lamport, version`;

type TermsColumns = {
  amount_minor: number | null;
  currency: Currency | null;
  payment_method: string | null;
  deadline_at: Date | null;
};

type PaymentColumns = TermsColumns & {
  order_id: OrderId;
  customer_id: CustomerId | null;
  status: Payment['status'];
  stock_reserved: boolean;
  capture_id: string | null;
  refund_id: string | null;
  decline_reason: string | null;
  call_cause_id: EventId | null;
  traceparent: string | null;
  lamport: number;
  version: number;
};

function fromRow(row: PaymentColumns): PaymentRow {
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

function stateOf(row: PaymentColumns): Payment {
  const terms = termsOf(row);
  const { status, capture_id: captureId, refund_id: refundId, decline_reason: declineReason } = row;
  if (status === 'waiting') return { status, terms, stockReserved: row.stock_reserved };
  if (status === 'voided') return { status, terms };
  if (terms !== null) {
    if (status === 'capturing' || status === 'voiding') return { status, terms };
    if ((status === 'captured' || status === 'refunding') && captureId !== null) return { status, terms, captureId };
    if (status === 'refunded' && captureId !== null && refundId !== null) return { status, terms, captureId, refundId };
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

function toRow({ orderId, customerId, payment, callCauseId, traceparent, lamport, version }: PaymentRow) {
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
    capture_id: 'captureId' in payment ? payment.captureId : null,
    refund_id: 'refundId' in payment ? payment.refundId : null,
    decline_reason: 'declineReason' in payment ? payment.declineReason : null,
    call_cause_id: callCauseId,
    traceparent,
    owed: isOwed(payment),
    lamport,
    version,
  };
}
