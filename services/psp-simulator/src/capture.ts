import { Type, type Static } from 'typebox';

/**
 * What the provider does with a capture request, given what its ledger already holds under the request's idempotency key.
 * Only `recorded` adds a row. A decline is a result like any other and is recorded. `fingerprint` is a digest of meaningOf(request).
 */
export function decideCapture(
  request: CaptureRequest,
  known: RecordedCapture | null,
  fresh: { idempotencyKey: string; fingerprint: string; captureId: string; now: Date },
): CaptureDecision {
  if (known !== null) {
    return known.fingerprint === fresh.fingerprint ? { kind: 'repeated', capture: known } : { kind: 'key_reused' };
  }
  const outcome = outcomes.get(request.paymentMethod) ?? unknownPaymentMethod;
  const { amountMinor, currency, reference } = request;
  const answer: CaptureAnswer = { captureId: fresh.captureId, ...outcome, amountMinor, currency, reference };
  return {
    kind: 'recorded',
    capture: {
      ...outcome,
      captureId: fresh.captureId,
      idempotencyKey: fresh.idempotencyKey,
      fingerprint: fresh.fingerprint,
      amountMinor,
      currency,
      reference,
      createdAt: fresh.now.toISOString(),
      answer: JSON.stringify(answer),
    },
  };
}

/** Two requests mean the same when these four fields agree, however their JSON was spelled. */
export function meaningOf({ amountMinor, currency, paymentMethod, reference }: CaptureRequest): string {
  return JSON.stringify([amountMinor, currency, paymentMethod, reference]);
}

export const CaptureRequest = Type.Object(
  {
    amountMinor: Type.Integer({ minimum: 1, maximum: 100_000_000_000 }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
    paymentMethod: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'tok_visa is captured, any other is declined',
    }),
    reference: Type.String({ minLength: 1, maxLength: 100, description: 'what the merchant calls this payment' }),
  },
  { additionalProperties: false },
);
export type CaptureRequest = Static<typeof CaptureRequest>;

export type CaptureDecision =
  | { kind: 'recorded'; capture: RecordedCapture }
  | { kind: 'repeated'; capture: RecordedCapture }
  | { kind: 'key_reused' };

/** A ledger row, before the ledger has numbered it. `answer` is the response body, byte for byte. */
export type RecordedCapture = Outcome & {
  captureId: string;
  idempotencyKey: string;
  fingerprint: string;
  amountMinor: number;
  currency: string;
  reference: string;
  createdAt: string;
  answer: string;
};

type Outcome = { status: 'captured' } | { status: 'declined'; declineReason: string };

type CaptureAnswer = Outcome & { captureId: string; amountMinor: number; currency: string; reference: string };

/** What each test token does. */
const outcomes: ReadonlyMap<string, Outcome> = new Map([
  ['tok_visa', { status: 'captured' }],
  ['tok_declined', { status: 'declined', declineReason: 'card_declined' }],
]);

/** A token nobody issued is a card nobody has: declined and recorded, so that the merchant learns a result. */
const unknownPaymentMethod: Outcome = { status: 'declined', declineReason: 'unknown_payment_method' };
