import { Type, type Static } from 'typebox';
import type { Decision, Entry } from './entry.ts';

/**
 * Forbids a capture key for ever, or tells what it already did. One transaction with captures: of a capture and a void of the same key,
 * whichever is recorded first holds.
 */
export function decideVoid(
  { captureKey }: VoidRequest,
  known: Entry | null,
  fresh: { fingerprint: string; now: Date },
): Decision {
  switch (known?.kind) {
    case undefined: {
      const answer = JSON.stringify({ status: 'voided' });
      const { fingerprint } = fresh;
      return {
        kind: 'recorded',
        entry: { kind: 'void', key: captureKey, fingerprint, createdAt: fresh.now.toISOString(), answer },
      };
    }
    case 'void':
    case 'capture':
    case 'decline':
      return { kind: 'answered', answer: known.answer };
    case 'refund':
      return { kind: 'refused', refusal: 'key_reused' };
    default:
      return known satisfies never;
  }
}

/** Gives a capture's money back: at most what was captured, once. */
export function decideRefund(
  request: RefundRequest,
  books: { known: Entry | null; capture: Entry | null; refundOfCapture: Entry | null },
  fresh: { key: string; fingerprint: string; refundId: string; now: Date },
): Decision {
  const { known, capture, refundOfCapture } = books;
  if (known !== null) {
    return known.kind === 'refund' && known.fingerprint === fresh.fingerprint
      ? { kind: 'answered', answer: known.answer }
      : { kind: 'refused', refusal: 'key_reused' };
  }
  const { captureId, amountMinor, currency, reference } = request;
  if (capture?.kind !== 'capture') return { kind: 'refused', refusal: 'unknown_capture' };
  if (refundOfCapture !== null) return { kind: 'refused', refusal: 'already_refunded' };
  if (currency !== capture.currency) return { kind: 'refused', refusal: 'other_currency' };
  if (amountMinor > capture.amountMinor) return { kind: 'refused', refusal: 'refund_too_large' };
  const { key, fingerprint, refundId } = fresh;
  const money = { captureId, amountMinor, currency, reference };
  const answer = JSON.stringify({ refundId, status: 'refunded', ...money });
  return {
    kind: 'recorded',
    entry: { kind: 'refund', key, fingerprint, refundId, ...money, createdAt: fresh.now.toISOString(), answer },
  };
}

/** Two refunds mean the same when these four fields agree. */
export function meaningOfRefund({ captureId, amountMinor, currency, reference }: RefundRequest): string {
  return JSON.stringify([captureId, amountMinor, currency, reference]);
}

export const VoidRequest = Type.Object(
  { captureKey: Type.String({ pattern: '^[\\x21-\\x7e]{1,255}$', description: 'the Idempotency-Key of a capture' }) },
  { additionalProperties: false },
);
export type VoidRequest = Static<typeof VoidRequest>;

export const RefundRequest = Type.Object(
  {
    captureId: Type.String({ minLength: 1, maxLength: 100 }),
    amountMinor: Type.Integer({ minimum: 1, maximum: 100_000_000_000 }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
    reference: Type.String({ minLength: 1, maxLength: 100, description: 'what the merchant calls this payment' }),
  },
  { additionalProperties: false },
);
export type RefundRequest = Static<typeof RefundRequest>;
