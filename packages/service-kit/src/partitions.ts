import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';

const checkIntervalMs = 3_600_000;

/**
 * Sees to it that today's and the next days' partitions of outbox and inbox exist: now, and every hour. Rejects when the first look
 * fails, for without a partition nothing can be written.
 */
export async function keepPartitionsAhead(pool: Pool, logger: Logger): Promise<{ stop: () => void }> {
  const ensure = (): Promise<unknown> => pool.query('select ensure_message_partitions()');
  await ensure();
  const timer = setInterval(() => {
    ensure().catch((error: unknown) =>
      logger.warn({ err: error }, 'partitions could not be checked: next try in an hour'),
    );
  }, checkIntervalMs);
  return { stop: () => clearInterval(timer) };
}
