/** A line of the ledger, before the ledger has numbered it. `answer` is the response body, byte for byte. */
export type Entry = CaptureEntry | DeclineEntry | VoidEntry | RefundEntry;

export type CaptureEntry = Common & Money & { kind: 'capture'; captureId: string };
export type DeclineEntry = Common & Money & { kind: 'decline'; captureId: string; declineReason: string };
/** Forbids the capture key for ever. */
export type VoidEntry = Common & { kind: 'void' };
export type RefundEntry = Common & Money & { kind: 'refund'; captureId: string; refundId: string };

type Common = {
  /** The idempotency key of a capture or refund; of a void, the capture key it forbids. */
  key: string;
  /** A digest of the request's meaning. */
  fingerprint: string;
  createdAt: string;
  answer: string;
};

export type Money = { amountMinor: number; currency: string; reference: string };

/** What to do with a request. Only `recorded` adds a line; `answered` follows from the lines that are there. */
export type Decision =
  | { kind: 'recorded'; entry: Entry }
  | { kind: 'answered'; answer: string }
  | { kind: 'refused'; refusal: Refusal };

export type Refusal = 'key_reused' | 'unknown_capture' | 'already_refunded' | 'refund_too_large' | 'other_currency';
