import type { Logger } from '@sagamart/telemetry/logger';
import closeWithGrace from 'close-with-grace';

/**
 * On SIGTERM, SIGINT, an uncaught exception or an unhandled rejection: closes each in the given order and leaves the process. A closer that takes
 * longer than 5 s is passed over, so the whole always ends; the exit code is 1 after an error or when anything did not close.
 */
export function closeOnSignal(
  logger: Logger,
  closers: readonly { name: string; close: () => Promise<unknown> }[],
): void {
  closeWithGrace(
    {
      delay: closers.length * closeStepTimeoutMs + closeSlackMs,
      logger: { error: (message: unknown) => logger.error({ err: message }, 'close') },
    },
    async ({ err, signal }) => {
      if (err) logger.fatal({ err }, 'closing after an error nobody handled');
      else logger.info({ signal }, 'closing');
      let allClosed = true;
      for (const { name, close } of closers) {
        const fault = await closeInTime(close);
        if (fault !== null) {
          allClosed = false;
          logger.error({ part: name, err: fault }, 'did not close');
        }
      }
      if (!allClosed) throw new Error('not everything closed');
      logger.info('closed');
    },
  );
}

const closeStepTimeoutMs = 5_000;
const closeSlackMs = 1_000;

async function closeInTime(close: () => Promise<unknown>): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const timeout = setTimeout(
    () => resolve(new Error(`still closing after ${closeStepTimeoutMs} ms`)),
    closeStepTimeoutMs,
  );
  try {
    return await Promise.race([
      Promise.resolve()
        .then(close)
        .then(() => null),
      promise,
    ]);
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timeout);
  }
}
