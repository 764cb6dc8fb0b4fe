import type { OrderId } from '@sagamart/contracts/ids';
import { inRetriedTransaction, type Tx } from '@sagamart/service-kit/database';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { Problem } from '@sagamart/service-kit/problem';
import { transition, type Clock } from '@sagamart/service-kit/transition';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, inSpan, traceparentOf } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { source } from './messages.ts';
import { isOwed, settle, type Payment, type ProviderReply } from './payment.ts';
import { findPayment, lockPayments, updatePayments } from './payment-store.ts';
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
  tx: Tx,
  word: Word,
  { clock, traceparent }: { clock: Clock; traceparent: string | null },
): Promise<Settled> {
  const { orderId, reply, operator, reason } = word;
  const [before] = await lockPayments(tx, [orderId]);
  if (before === undefined) throw new RangeError(`the payment of order ${orderId} was not locked`);
  const reaction = settle(before.payment, orderId, reply);
  if (reaction === 'unreachable') throw doesNotFollow(before.payment);
  const { payment, says } = reaction;
  if (!isOwed(before.payment) || says.length === 0) return { orderId, status: before.payment.status, settled: false };
  const cause = { causationId: before.callCauseId, lamport: 0, correlationId: orderId, traceparent };
  const { lamport, version, events } = transition(source, before, cause, says, clock);
  await Promise.all([
    updatePayments(tx, [{ ...before, payment, lamport, version }]),
    appendToOutbox(tx, events),
    appendSettlement(tx, { orderId, status: before.payment.status, reply, operator, reason }),
  ]);
  return { orderId, status: payment.status, settled: true };
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
