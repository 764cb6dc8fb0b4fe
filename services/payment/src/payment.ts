import type { EventBody } from '@sagamart/contracts/events';
import type { OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';

/** What order.placed asks to be captured. */
export type Terms = {
  readonly amountMinor: number;
  readonly currency: Currency;
  readonly paymentMethod: string;
  readonly deadline: string;
};

/**
 * A payment waits until it knows both the terms and that the stock is held. `capturing`: the provider has been or will be asked, and no answer
 * is known; an answer that was lost is unknown, never failed. `voided` forbids to ever capture.
 */
export type Payment =
  | { readonly status: 'waiting'; readonly terms: Terms | null; readonly stockReserved: boolean }
  | { readonly status: 'capturing'; readonly terms: Terms }
  | { readonly status: 'captured'; readonly terms: Terms; readonly captureId: string }
  | { readonly status: 'declined'; readonly terms: Terms; readonly declineReason: string }
  | { readonly status: 'voided'; readonly terms: Terms | null };

export const heardByPayment = ['order.placed', 'stock.reserved', 'order.cancelled'] as const;
export type HeardByPayment = (typeof heardByPayment)[number];

type Said = EventBody<'payment.captured' | 'payment.declined' | 'payment.voided'>;
export type Reaction = { readonly payment: Payment; readonly says: readonly Said[] };

/** What to do when the order or the stock moved. The two topics are not ordered: either may be heard first. */
export function react(before: Payment, event: EventBody<HeardByPayment>): Reaction | 'unreachable' {
  switch (event.type) {
    case 'order.placed': {
      if (before.status !== 'waiting') return unchanged(before);
      const { totalMinor: amountMinor, currency, paymentMethod, deadline } = event.data;
      return unchanged(captureWhenKnown({ ...before, terms: { amountMinor, currency, paymentMethod, deadline } }));
    }
    case 'stock.reserved':
      return unchanged(before.status === 'waiting' ? captureWhenKnown({ ...before, stockReserved: true }) : before);
    case 'order.cancelled':
      return cancel(before, event.data.orderId);
    default:
      return event satisfies never;
  }
}

/** What the provider is known to have done with a capture. */
export type ProviderReply =
  | { readonly outcome: 'captured'; readonly captureId: string }
  | { readonly outcome: 'declined'; readonly declineReason: string };

/** What a reply of the provider means. A reply to a question asked twice changes nothing the second time. */
export function settle(before: Payment, orderId: OrderId, reply: ProviderReply): Reaction {
  if (before.status !== 'capturing') return unchanged(before);
  const { terms } = before;
  if (reply.outcome === 'declined') {
    const { declineReason } = reply;
    return {
      payment: { status: 'declined', terms, declineReason },
      says: [{ type: 'payment.declined', data: { orderId, declineReason } }],
    };
  }
  const { captureId } = reply;
  const { amountMinor, currency } = terms;
  return {
    payment: { status: 'captured', terms, captureId },
    says: [{ type: 'payment.captured', data: { orderId, captureId, amountMinor, currency } }],
  };
}

function captureWhenKnown(waiting: Extract<Payment, { status: 'waiting' }>): Payment {
  const { terms, stockReserved } = waiting;
  return terms !== null && stockReserved ? { status: 'capturing', terms } : waiting;
}

/** Nothing captured: the capture is forbidden for good. Money already asked for cannot be given back yet (refunds and voids by key follow). */
function cancel(before: Payment, orderId: OrderId): Reaction | 'unreachable' {
  switch (before.status) {
    case 'waiting':
      return {
        payment: { status: 'voided', terms: before.terms },
        says: [{ type: 'payment.voided', data: { orderId } }],
      };
    case 'declined':
    case 'voided':
      return unchanged(before);
    case 'capturing':
    case 'captured':
      return 'unreachable';
    default:
      return before satisfies never;
  }
}

function unchanged(payment: Payment): Reaction {
  return { payment, says: [] };
}
