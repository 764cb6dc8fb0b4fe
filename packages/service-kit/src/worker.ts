import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@sagamart/telemetry/logger';

export type Worker = { nudge: () => void; stop: () => Promise<void> };

const failurePauseMs = 1_000;

/**
 * Runs `work` again and again, one call at a time: at once after a nudge or when it returned true (there may be more), else
 * after `idleMs`. What it throws is logged and tried again after a pause; nothing is lost, for the work to do stands in the database.
 */
export function startWorker(options: {
  name: string;
  idleMs: number;
  work: () => Promise<boolean>;
  logger: Logger;
}): Worker {
  const stopping = new AbortController();
  let wake = new AbortController();
  let nudged = false;

  const sleep = async (ms: number): Promise<void> => {
    wake = new AbortController();
    if (nudged) return;
    await pause(ms, undefined, { signal: AbortSignal.any([wake.signal, stopping.signal]) }).catch(() => undefined);
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      nudged = false;
      try {
        const more = await options.work();
        if (!more) await sleep(options.idleMs);
      } catch (error) {
        options.logger.warn({ err: error, worker: options.name }, 'worker will try again');
        await pause(failurePauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };
  const running = run();

  return {
    nudge: () => {
      nudged = true;
      wake.abort();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
