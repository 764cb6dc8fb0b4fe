import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventBody } from '@sagamart/contracts/events';
import type { CustomerId, EventId, OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Aggregate } from '@sagamart/service-kit/aggregate';
import { causedBy, type Counters } from '@sagamart/service-kit/transition';
import { withinTrace } from '@sagamart/telemetry/trace-context';

/** What order.placed asks to be captured. */
export type Terms = {
  readonly amountMinor: number;
  readonly currency: Currency;
  readonly paymentMethod: string;
  readonly deadline: string;
};

/**
 * A payment waits until it knows both the terms and that the stock is held. In the three states of `Owed` the provider has been or will be
 * asked, and no answer is known; an answer that was lost is unknown, never failed. `voided` forbids to ever capture.
 */
export type Payment =
  | { readonly status: 'waiting'; readonly terms: Terms | null; readonly stockReserved: boolean }
  | { readonly status: 'capturing'; readonly terms: Terms }
  | { readonly status: 'captured'; readonly terms: Terms; readonly captureId: string }
  | { readonly status: 'declined'; readonly terms: Terms; readonly declineReason: string }
  | { readonly status: 'voiding'; readonly terms: Terms }
  | { readonly status: 'voided'; readonly terms: Terms | null }
  | { readonly status: 'refunding'; readonly terms: Terms; readonly captureId: string }
  | { readonly status: 'refunded'; readonly terms: Terms; readonly captureId: string; readonly refundId: string };

/** A payment of which the provider owes an answer: to a capture, to a void of the capture's key, to a refund. */
export type Owed = Extract<Payment, { status: 'capturing' | 'voiding' | 'refunding' }>;

export const heardByPayment = ['order.placed', 'stock.reserved', 'order.cancelled'] as const;
export type HeardByPayment = (typeof heardByPayment)[number];

type Said = EventBody<'payment.captured' | 'payment.declined' | 'payment.voided' | 'payment.refunded'>;
export type Reaction = { readonly payment: Payment; readonly says: readonly Said[] };

/** What to do when the order or the stock moved. The two topics are not ordered: either may be heard first. */
export function react(before: Payment, event: EventBody<HeardByPayment>, now: Date): Reaction {
  switch (event.type) {
    case 'order.placed': {
      if (before.status !== 'waiting') return unchanged(before);
      const { totalMinor: amountMinor, currency, paymentMethod, deadline } = event.data;
      return unchanged(captureWhenKnown({ ...before, terms: { amountMinor, currency, paymentMethod, deadline } }, now));
    }
    case 'stock.reserved':
      return unchanged(
        before.status === 'waiting' ? captureWhenKnown({ ...before, stockReserved: true }, now) : before,
      );
    case 'order.cancelled':
      return cancel(before, event.data.orderId);
    default:
      return event satisfies never;
  }
}

/** What the provider is known to have done, whichever of the three calls it answers. */
export type ProviderReply =
  | { readonly outcome: 'captured'; readonly captureId: string }
  | { readonly outcome: 'declined'; readonly declineReason: string }
  | { readonly outcome: 'voided' }
  | { readonly outcome: 'refunded'; readonly refundId: string };

/**
 * What a reply of the provider means. A reply to a question asked twice changes nothing the second time, and the answer to a capture may
 * still come while its key is being voided. `unreachable`: the provider contradicts itself or answers what was not asked, and is not believed.
 */
export function settle(before: Payment, orderId: OrderId, reply: ProviderReply): Reaction | 'unreachable' {
  switch (before.status) {
    case 'waiting':
      return 'unreachable';
    case 'capturing':
      return reply.outcome === 'voided' ? 'unreachable' : settleCapture(before, orderId, reply);
    case 'voiding':
      return reply.outcome === 'voided' ? voided(before.terms, orderId) : settleCapture(before, orderId, reply);
    case 'captured':
      return unchangedIf(reply.outcome === 'captured' && reply.captureId === before.captureId, before);
    case 'declined':
      return unchangedIf(reply.outcome === 'declined', before);
    case 'voided':
      return unchangedIf(reply.outcome === 'voided', before);
    case 'refunding':
      if (reply.outcome === 'refunded') return refunded(before, orderId, reply.refundId);
      return unchangedIf(reply.outcome === 'captured' && reply.captureId === before.captureId, before);
    case 'refunded':
      return unchangedIf(
        reply.outcome === 'refunded'
          ? reply.refundId === before.refundId
          : reply.outcome === 'captured' && reply.captureId === before.captureId,
        before,
      );
    default:
      return before satisfies never;
  }
}

/** A payment with what it takes to ask the provider and to speak of the answer. */
export type PaymentRow = {
  readonly orderId: OrderId;
  /** Null until order.placed was heard. */
  readonly customerId: CustomerId | null;
  readonly payment: Payment;
  /** The event that started the last call to the provider. */
  readonly callCauseId: EventId | null;
  /** The span of that event, or of the first one heard. */
  readonly traceparent: string | null;
} & Counters;

/** The provider's reply to a call, or a person's word in its place. `causeId` is the event that started the call, `traceparent` the span it came in. */
export type Reply = {
  readonly type: 'reply';
  readonly orderId: OrderId;
  readonly reply: ProviderReply;
  readonly causeId: EventId | null;
  readonly traceparent: string | null;
};
export type PaymentInput = ShopEvent<HeardByPayment> | Reply;

/** Every step of a payment, and which event a call to the provider is caused by. */
export const paymentAggregate: Aggregate<PaymentRow, PaymentInput> = {
  source: '/payment',
  decide: (before, input, now) => {
    if (input.type === 'reply') {
      const { orderId, reply, causeId: causationId, traceparent } = input;
      const settled = settle(before.payment, orderId, reply);
      if (settled === 'unreachable') return { unreachable: before.payment.status };
      const cause = { causationId, lamport: 0, correlationId: orderId, traceparent };
      return { row: { ...before, payment: settled.payment }, emits: settled.says, cause };
    }
    const { payment, says } = react(before.payment, input, now);
    const startsCall = isOwed(payment) && payment.status !== before.payment.status;
    const row = {
      ...before,
      customerId: 'customerId' in input.data ? input.data.customerId : before.customerId,
      payment,
      callCauseId: startsCall ? input.id : before.callCauseId,
      traceparent: startsCall
        ? withinTrace(before.traceparent, input.traceparent)
        : (before.traceparent ?? input.traceparent),
    };
    return { row, emits: says, cause: causedBy(input) };
  },
};

/** True while the provider is to be asked until it answers. */
export function isOwed(payment: Payment): payment is Owed {
  return payment.status === 'capturing' || payment.status === 'voiding' || payment.status === 'refunding';
}

/** The pause after the n-th time that the provider was asked and did not answer: doubled each time up to a limit. */
export function pauseAfterMs(attempts: number): number {
  return Math.min(pauseFirstMs * 2 ** (attempts - 1), pauseMaxMs);
}

/** How long an answer may be owed before a person is told. Asking goes on. */
export const answerDueMs = 60_000;

const pauseFirstMs = 200;
const pauseMaxMs = 10_000;

/** At or after the deadline no capture is started: the order is about to be cancelled, and order.cancelled voids the payment. */
function captureWhenKnown(waiting: Extract<Payment, { status: 'waiting' }>, now: Date): Payment {
  const { terms, stockReserved } = waiting;
  if (terms === null || !stockReserved || now.getTime() >= Date.parse(terms.deadline)) return waiting;
  return { status: 'capturing', terms };
}

/** Forbids the capture, or gives the money back. While a capture is unknown nothing is concluded: the provider is asked to void its key. */
function cancel(before: Payment, orderId: OrderId): Reaction {
  switch (before.status) {
    case 'waiting':
      return voided(before.terms, orderId);
    case 'capturing':
      return unchanged({ status: 'voiding', terms: before.terms });
    case 'captured':
      return unchanged({ status: 'refunding', terms: before.terms, captureId: before.captureId });
    case 'declined':
    case 'voiding':
    case 'voided':
    case 'refunding':
    case 'refunded':
      return unchanged(before);
    default:
      return before satisfies never;
  }
}

/** Money found taken while the key was being voided is said to be captured, so that its refund has something to refer to. */
function settleCapture(
  before: Extract<Payment, { status: 'capturing' | 'voiding' }>,
  orderId: OrderId,
  reply: Exclude<ProviderReply, { outcome: 'voided' }>,
): Reaction | 'unreachable' {
  const { terms } = before;
  switch (reply.outcome) {
    case 'declined': {
      const { declineReason } = reply;
      return {
        payment: { status: 'declined', terms, declineReason },
        says: [{ type: 'payment.declined', data: { orderId, declineReason } }],
      };
    }
    case 'captured': {
      const { captureId } = reply;
      const { amountMinor, currency } = terms;
      return {
        payment: { status: before.status === 'voiding' ? 'refunding' : 'captured', terms, captureId },
        says: [{ type: 'payment.captured', data: { orderId, captureId, amountMinor, currency } }],
      };
    }
    case 'refunded':
      return 'unreachable';
    default:
      return reply satisfies never;
  }
}

function voided(terms: Terms | null, orderId: OrderId): Reaction {
  return { payment: { status: 'voided', terms }, says: [{ type: 'payment.voided', data: { orderId } }] };
}

function refunded(before: Extract<Payment, { status: 'refunding' }>, orderId: OrderId, refundId: string): Reaction {
  const { terms, captureId } = before;
  const { amountMinor, currency } = terms;
  return {
    payment: { status: 'refunded', terms, captureId, refundId },
    says: [{ type: 'payment.refunded', data: { orderId, captureId, refundId, amountMinor, currency } }],
  };
}

function unchangedIf(repeated: boolean, payment: Payment): Reaction | 'unreachable' {
  return repeated ? unchanged(payment) : 'unreachable';
}

function unchanged(payment: Payment): Reaction {
  return { payment, says: [] };
}
