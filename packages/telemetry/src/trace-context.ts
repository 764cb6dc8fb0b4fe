import { randomBytes } from 'node:crypto';

/**
 * The traceparent (W3C Trace Context, level 1) to work under: the caller's own when it is valid, else a new sampled root.
 * A repeated header is invalid by that standard, and starts a new trace.
 */
export function continueTrace(header: string | string[] | undefined): string {
  if (typeof header === 'string' && isTraceparent(header)) return header;
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

/** The 32 hexadecimal digits that all spans of one trace share. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

const versionZero = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

function isTraceparent(text: string): boolean {
  return versionZero.test(text);
}
