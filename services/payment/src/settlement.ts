import type { EventId, OrderId } from '@sagamart/contracts/ids';
import { lockForWork } from '@sagamart/service-kit/aggregate';
import { inRetriedTransaction, type Transaction } from '@sagamart/service-kit/transaction';
import { Problem } from '@sagamart/service-kit/problem';
import type { Clock } from '@sagamart/service-kit/transition';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, inSpan, traceparentOf } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { isOwed, type Payment, type ProviderReply, type Reply } from './payment.ts';
import { findPayment, payments } from './payment-store.ts';
import { appendSettlement } from './settlement-store.ts';

/** What a person found out about a call that the provider's answers do not end. */
export type Word = {
  readonly orderId: OrderId;
  readonly reply: ProviderReply;
  readonly operator: string;
  readonly reason: string;
};

/** The payment's status afterwards, and whether this word ended a call: false when it was ended that way before. */
export type Settled = { readonly orderId: OrderId; readonly status: Payment['status']; readonly settled: boolean };

/**
 * Ends a call by a person's word, in the step that would take it from the provider, and records who said it and why. The same word again changes
 * nothing. Throws Problem 404, and 409 `does_not_follow` where the provider could not have said it either.
 */
export function createSettling(deps: {
  pool: Pool;
  clock: Clock;
  committed: () => void;
}): (word: Word) => Promise<Settled> {
  const { pool, clock, committed } = deps;
  return async (word) => {
    const { orderId } = word;
    const payment = await findPayment(pool, orderId);
    if (payment === null) throw unknownPayment(orderId);
    const options = {
      parent: payment.traceparent,
      links: [activeTraceparent()],
      attributes: { [attribute.orderId]: orderId },
    };
    const settled = await inSpan(spanName.settlePayment, options, (span) =>
      inRetriedTransaction(pool, (tx) => settleBy(tx, word, { clock, traceparent: traceparentOf(span) })),
    ).catch((error: unknown) => {
      throw isOfAnother(error) ? usedElsewhere(error) : error;
    });
    committed();
    return settled;
  };
}

async function settleBy(
  tx: Transaction,
  word: Word,
  { clock, traceparent }: { clock: Clock; traceparent: string | null },
): Promise<Settled> {
  const { orderId, reply, operator, reason } = word;
  const said = (causeId: EventId | null): Reply => ({ type: 'reply', orderId, reply, causeId, traceparent });
  const work = await lockForWork(tx, payments, [said(null)], clock);
  const row = work.find(orderId);
  if (row === null) throw unknownPayment(orderId);
  const after = work.take(said(row.callCauseId));
  const { payment: before } = row;
  if (!('row' in after)) throw doesNotFollow(before);
  if (!isOwed(before) || after.events.length === 0) return { orderId, status: before.status, settled: false };
  await Promise.all([work.write(), appendSettlement(tx, { orderId, status: before.status, reply, operator, reason })]);
  return { orderId, status: after.row.payment.status, settled: true };
}

/** What may be said of a call, by what is owed. */
const endsOf = {
  capturing: 'captured or declined',
  voiding: 'voided, captured or declined',
  refunding: 'refunded',
} as const;

function doesNotFollow(payment: Payment): Problem {
  const detail = isOwed(payment)
    ? `This payment is ${payment.status}: expected one of ${endsOf[payment.status]}.`
    : `This payment is ${payment.status}: the provider owes nothing of it. What was settled before, by whom and why: GET /payments?state=settled.`;
  return new Problem({ status: 409, code: 'does_not_follow', detail });
}

/** A capture, and a refund, is of one payment. */
function isOfAnother(error: unknown): boolean {
  return (
    error instanceof Error &&
    'constraint' in error &&
    (error.constraint === 'payments_capture_id_key' || error.constraint === 'payments_refund_id_key')
  );
}

function usedElsewhere(cause: unknown): Problem {
  const detail = 'Another payment has this capture or refund already. Look its id up again at the provider.';
  return new Problem({ status: 409, code: 'used_elsewhere', detail, cause });
}

function unknownPayment(orderId: OrderId): Problem {
  return new Problem({ status: 404, code: 'not_found', detail: `There is no payment for an order ${orderId}.` });
}
