import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';

const checkIntervalMs = 3_600_000;

/**
 * Sees to it that today's and the next days' partitions of outbox and inbox exist, and that those whose time is over go: now, and every hour. Rejects
 * when the first look fails, for without a partition nothing can be written; that something is kept for too long can wait.
 */
export async function keepPartitions(pool: Pool, logger: Logger): Promise<{ stop: () => void }> {
  const ensure = (): Promise<unknown> => pool.query('select ensure_message_partitions()');
  const prune = async (): Promise<void> => {
    const { rows } = await pool.query<{ dropped: string }>('select prune_messages() as dropped');
    if (rows.length > 0)
      logger.info({ partitions: rows.map(({ dropped }) => dropped) }, 'messages were kept long enough');
  };
  const warn = (error: unknown): void =>
    logger.warn({ err: error }, 'partitions could not be looked after: next try in an hour');
  await ensure();
  prune().catch(warn);
  const timer = setInterval(() => void ensure().then(prune).catch(warn), checkIntervalMs);
  return { stop: () => clearInterval(timer) };
}
