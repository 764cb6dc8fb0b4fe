import { Type, type Static } from 'typebox';
import type { CaptureEntry, DeclineEntry, Decision, Entry, Money } from './entry.ts';

/**
 * What the provider does with a capture request, given what its ledger already holds under the request's idempotency key.
 * A decline is a result like any other and is recorded. A voided key never captures. `fingerprint` is a digest of meaningOf(request).
 */
export function decideCapture(
  request: CaptureRequest,
  known: Entry | null,
  fresh: { key: string; fingerprint: string; captureId: string; now: Date },
): Decision {
  const { amountMinor, currency, reference } = request;
  const money: Money = { amountMinor, currency, reference };
  if (known !== null) {
    if (known.kind === 'void')
      return { kind: 'answered', answer: JSON.stringify({ captureId: null, status: 'voided', ...money }) };
    return known.fingerprint === fresh.fingerprint
      ? { kind: 'answered', answer: known.answer }
      : { kind: 'refused', refusal: 'key_reused' };
  }
  const { captureId, key, fingerprint } = fresh;
  const outcome = outcomes.get(request.paymentMethod) ?? unknownPaymentMethod;
  const common = {
    key,
    fingerprint,
    captureId,
    ...money,
    createdAt: fresh.now.toISOString(),
    answer: JSON.stringify({ captureId, ...outcome, ...money }),
  };
  const entry: CaptureEntry | DeclineEntry =
    outcome.status === 'captured'
      ? { kind: 'capture', ...common }
      : { kind: 'decline', declineReason: outcome.declineReason, ...common };
  return { kind: 'recorded', entry };
}

/** Two requests mean the same when these four fields agree, however their JSON was spelled. */
export function meaningOf({ amountMinor, currency, paymentMethod, reference }: CaptureRequest): string {
  return JSON.stringify([amountMinor, currency, paymentMethod, reference]);
}

export const CaptureRequest = Type.Object(
  {
    amountMinor: Type.Integer({ minimum: 1, maximum: 100_000_000_000 }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
    paymentMethod: Type.String({ minLength: 1, maxLength: 64, description: 'a test token; any other is declined' }),
    reference: Type.String({ minLength: 1, maxLength: 100, description: 'what the merchant calls this payment' }),
  },
  { additionalProperties: false },
);
export type CaptureRequest = Static<typeof CaptureRequest>;

/** How a payment method behaves besides its outcome, when its key is seen for the first time. */
export type Manner = 'prompt' | 'answers_late' | 'never_answers' | 'fails';

export function mannerOf({ paymentMethod }: CaptureRequest): Manner {
  return manners.get(paymentMethod) ?? 'prompt';
}

type Outcome = { status: 'captured' } | { status: 'declined'; declineReason: string };

/** What each test token does. */
const outcomes: ReadonlyMap<string, Outcome> = new Map([
  ['tok_visa', { status: 'captured' }],
  ['tok_slow', { status: 'captured' }],
  ['tok_lost_reply', { status: 'captured' }],
  ['tok_flaky', { status: 'captured' }],
  ['tok_declined', { status: 'declined', declineReason: 'card_declined' }],
]);

const manners: ReadonlyMap<string, Manner> = new Map([
  ['tok_slow', 'answers_late'],
  ['tok_lost_reply', 'never_answers'],
  ['tok_flaky', 'fails'],
]);

/** A token nobody issued is a card nobody has: declined and recorded, so that the merchant learns a result. */
const unknownPaymentMethod: Outcome = { status: 'declined', declineReason: 'unknown_payment_method' };
