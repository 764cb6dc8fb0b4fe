import { setTimeout as pause } from 'node:timers/promises';

const pollMs = 25;

/** Resolves with what `look` returns once that is neither null, undefined nor false; rejects after `deadlineMs` with what was waited for. */
export async function waitUntil<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  deadlineMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await pause(pollMs);
  }
}
