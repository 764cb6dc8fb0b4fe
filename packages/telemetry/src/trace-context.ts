import { randomBytes } from 'node:crypto';

/**
 * The traceparent (W3C Trace Context, level 1) to work under: the caller's own when it is valid, else a new sampled root.
 * A repeated header is invalid by that standard, and starts a new trace.
 */
export function continueTrace(header: string | string[] | undefined): string {
  if (isTraceparent(header)) return header;
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

/** The 32 hexadecimal digits that all spans of one trace share. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** `next` when it belongs to the trace of `stored`, else `stored`: what happens to a thing stays in the trace that was stored with it. */
export function withinTrace(stored: string | null, next: string | null): string | null {
  if (stored === null) return next;
  return next !== null && traceIdOf(next) === traceIdOf(stored) ? next : stored;
}

/** Whether a text from outside is a traceparent of version 00, with ids that are not all zeros. */
export function isTraceparent(text: unknown): text is string {
  return typeof text === 'string' && versionZero.test(text);
}

const versionZero = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
