import { setTimeout as delay } from 'node:timers/promises';
import type { Say } from './part.ts';

const LOOK_EVERY_MS = 1_000;
const SAY_AGAIN_AFTER_MS = 15_000;

/**
 * Says what is being waited for, from the first look a second from now until the signal aborts: when it is something else than before, and again every
 * 15 s. `look` resolves with undefined while nothing holds us up. Never rejects: not knowing whom one waits for is no reason to stop.
 */
export async function keepSaying(
  say: Say,
  signal: AbortSignal,
  look: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  let last: string | undefined;
  let saidAtMs = 0;
  for (;;) {
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const words = await Promise.resolve()
      .then(look)
      .catch(() => undefined);
    // Seconds count up with every look; that is no news.
    const isNews = words?.replaceAll(/\d+ s\b/g, '') !== last;
    if (words === undefined || signal.aborted || !(isNews || Date.now() - saidAtMs > SAY_AGAIN_AFTER_MS)) continue;
    say(words);
    last = words.replaceAll(/\d+ s\b/g, '');
    saidAtMs = Date.now();
  }
}
