import type { EventId, OrderId } from '@sagamart/contracts/ids';
import type { Owed, ProviderReply, Terms } from '@sagamart/payment/payment';
import type { Decision, Entry } from '@sagamart/psp-simulator/entry';
import type { Rules } from './rules.ts';

/** A call to the provider under way: its request is not there yet, or its answer is on the way back. */
export type Call = {
  readonly kind: 'capture' | 'void' | 'refund';
  readonly causeId: EventId | null;
  readonly terms: Terms;
  readonly captureId: string;
  /** Undefined until the provider has done it; `refused` is an answer that payment would not believe. */
  readonly reply: ProviderReply | 'refused' | undefined;
};

const kindOf = { capturing: 'capture', voiding: 'void', refunding: 'refund' } as const;

export function callFor(owed: Owed, causeId: EventId | null): Call {
  const captureId = 'captureId' in owed ? owed.captureId : '';
  return { kind: kindOf[owed.status], causeId, terms: owed.terms, captureId, reply: undefined };
}

/** The call after the provider has done it, and the lines its ledger gained. */
export function executeCall(
  rules: Rules,
  ledger: readonly Entry[],
  orderId: OrderId,
  call: Call,
): { ledger: readonly Entry[]; call: Call } {
  const decision = decide(rules, ledger, orderId, call);
  return {
    ledger: decision.kind === 'recorded' ? [...ledger, decision.entry] : ledger,
    call: { ...call, reply: decision.kind === 'refused' ? foundInBooks(rules, ledger, call) : replyOf(decision) },
  };
}

/** The ledger after a person has given the money back at the provider's own desk; null where there is none to give. */
export function refundByHand(rules: Rules, ledger: readonly Entry[], orderId: OrderId): readonly Entry[] | null {
  const capture = ledger.find((entry) => entry.kind === 'capture');
  if (capture === undefined || ledger.some(({ kind }) => kind === 'refund')) return null;
  const { captureId, amountMinor, currency } = capture;
  const request = { captureId, amountMinor, currency, reference: 'by hand' };
  const fresh = { key: `desk-${orderId}`, fingerprint: 'by hand', refundId: 'by-hand', now };
  const decision = rules.provider.refund(request, { known: null, capture, refundOfCapture: null }, fresh);
  return decision.kind === 'recorded' ? [...ledger, decision.entry] : null;
}

/** A refund that is refused is looked up, as payment does it. */
function foundInBooks(rules: Rules, ledger: readonly Entry[], call: Call): ProviderReply | 'refused' {
  const refund = call.kind === 'refund' ? rules.provider.findRefund(ledger, call.captureId) : null;
  return refund === null ? 'refused' : { outcome: 'refunded', refundId: refund.refundId };
}

function decide(rules: Rules, ledger: readonly Entry[], orderId: OrderId, call: Call): Decision {
  const { amountMinor, currency, paymentMethod } = call.terms;
  const captureKey = `capture-${orderId}`;
  const known = (key: string) => ledger.find((entry) => entry.key === key) ?? null;
  const id = `${call.kind}-${ledger.length + 1}`;
  switch (call.kind) {
    case 'capture': {
      const request = { amountMinor, currency, paymentMethod, reference: orderId };
      const fresh = { key: captureKey, fingerprint: 'capture', captureId: id, now };
      return rules.provider.capture(request, known(captureKey), fresh);
    }
    case 'void':
      return rules.provider.void({ captureKey }, known(captureKey), { fingerprint: 'void', now });
    case 'refund': {
      const { captureId } = call;
      const key = `refund-${orderId}`;
      const books = {
        known: known(key),
        capture: ledger.find((entry) => entry.kind === 'capture' && entry.captureId === captureId) ?? null,
        refundOfCapture: ledger.find((entry) => entry.kind === 'refund' && entry.captureId === captureId) ?? null,
      };
      const request = { captureId, amountMinor, currency, reference: orderId };
      return rules.provider.refund(request, books, { key, fingerprint: 'refund', refundId: id, now });
    }
    default:
      return call.kind satisfies never;
  }
}

/** The time of a ledger line decides nothing. */
const now = new Date('2026-01-01T00:00:00.000Z');

type Answer =
  | { status: 'captured'; captureId: string }
  | { status: 'declined'; declineReason: string }
  | { status: 'voided' }
  | { status: 'refunded'; refundId: string };

function replyOf(decision: Exclude<Decision, { kind: 'refused' }>): ProviderReply {
  const answer = JSON.parse(decision.kind === 'recorded' ? decision.entry.answer : decision.answer) as Answer;
  switch (answer.status) {
    case 'captured':
      return { outcome: 'captured', captureId: answer.captureId };
    case 'declined':
      return { outcome: 'declined', declineReason: answer.declineReason };
    case 'voided':
      return { outcome: 'voided' };
    case 'refunded':
      return { outcome: 'refunded', refundId: answer.refundId };
    default:
      return answer satisfies never;
  }
}
