import { setTimeout as delay } from 'node:timers/promises';
import type { Sight } from './part.ts';
import type { PartRunner } from './part-runner.ts';
import { messageOf } from './stack-problem.ts';

const WATCH_EVERY_MS = 2_000;
const LOOK_WITHIN_MS = 8_000;
/** A machine under load leaves one question unanswered; nothing that works leaves all of them unanswered for so long. */
export const SILENT_MS_MAX = 5_000;

/** A part as the watch needs it, whoever runs it. */
export type WatchedPart = {
  readonly look: () => Promise<Sight | undefined>;
  readonly see: (sight: Sight | undefined) => void;
  readonly everyMs?: number | undefined;
};

/** Looks at each part again and again, every other second unless it says otherwise, until the signal aborts, at none longer than 8 s, and tells what is seen. */
export async function watchParts(parts: readonly WatchedPart[], signal: AbortSignal): Promise<void> {
  await Promise.all(parts.map((part) => watchPart(part, signal)));
}

async function watchPart({ look, see, everyMs = WATCH_EVERY_MS }: WatchedPart, signal: AbortSignal): Promise<void> {
  let last: Sight | undefined;
  let answeredAtMs = Date.now();
  while (!signal.aborted) {
    try {
      last = await inTime(look);
      answeredAtMs = Date.now();
      if (!signal.aborted) see(last);
    } catch (error) {
      const silentMs = Date.now() - answeredAtMs;
      if (silentMs > SILENT_MS_MAX && !signal.aborted) see(silent(silentMs, error, last));
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What was last heard of it still stands. */
function silent(forMs: number, error: unknown, last: Sight | undefined): Sight {
  const words = `does not answer, for ${Math.round(forMs / 1_000)} s (${messageOf(error)})`;
  return { state: 'unhealthy', words: [words, ...(last?.words ?? [])] };
}

/** A part of a supervisor, for the watch. One whose process somebody stopped in its tracks cannot answer, and need not be asked. */
export function watchedRunner(runner: PartRunner): WatchedPart {
  const { part } = runner;
  return {
    look: async () => {
      if (runner.standsStill())
        return {
          state: 'paused',
          words: [`its process was stopped; let it go on with: npm run stack -- resume ${part.name}`],
        };
      runner.goOn();
      const isUp = runner.isRunning();
      if (part.look !== undefined) return part.look(isUp);
      if (isUp) await part.probe();
      return undefined;
    },
    see: (sight) => runner.see(sight),
    everyMs: part.lookEveryMs,
  };
}

async function inTime<T>(look: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no answer within ${LOOK_WITHIN_MS / 1_000} s`)),
    LOOK_WITHIN_MS,
  );
  try {
    return await Promise.race([look(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
