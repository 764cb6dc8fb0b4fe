import { randomBytes } from 'node:crypto';

/** A traceparent (W3C Trace Context, level 1) of a new trace that nobody records: its id is for logs and answers, and its flag says so. */
export function beginTrace(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`;
}

/** The 32 hexadecimal digits that all spans of one trace share. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** Whether the trace is recorded, as far as the span that it names goes. */
export function isSampled(traceparent: string | null | undefined): boolean {
  return isTraceparent(traceparent) && (flagsOf(traceparent) & 1) === 1;
}

/** The trace flags of a traceparent. */
export function flagsOf(traceparent: string): number {
  return Number.parseInt(traceparent.slice(53), 16);
}

/** `next` when it belongs to the trace of `stored`, else `stored`: what happens to a thing stays in the trace that was stored with it. */
export function withinTrace(stored: string | null, next: string | null): string | null {
  if (stored === null) return next;
  return next !== null && traceIdOf(next) === traceIdOf(stored) ? next : stored;
}

/** Whether a text from outside is a traceparent of version 00, with ids that are not all zeros. A repeated header is invalid by the standard. */
export function isTraceparent(text: unknown): text is string {
  return typeof text === 'string' && versionZero.test(text);
}

const versionZero = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
