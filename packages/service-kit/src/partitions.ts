import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';

/**
 * Which table has no partition for a row that was to be written; null when that is not what the error says. It has no code of its own: a check that fails
 * names its constraint, a missing partition names none.
 */
export function tableWithoutPartition(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('table' in error)) return null;
  const isMissing = error.code === '23514' && (!('constraint' in error) || error.constraint === undefined);
  return isMissing && typeof error.table === 'string' ? error.table : null;
}

const checkIntervalMs = 3_600_000;

/** A partition is missing and could not be made: a fault of the place, never of what was to be written. */
export class PartitionNotMade extends Error {
  override name = 'PartitionNotMade';
}

/** Makes the partitions that are missing from outbox and inbox. Rejects with PartitionNotMade, for whatever reason. */
export async function ensurePartitions(pool: Pool): Promise<void> {
  try {
    await pool.query('select ensure_message_partitions()');
  } catch (error) {
    throw new PartitionNotMade('the partition of a day could not be made', { cause: error });
  }
}

/**
 * Sees to it that today's and the next days' partitions of outbox and inbox exist, and that those whose time is over go: now, and every hour. One that is
 * missing all the same, as after a machine slept for days, is made by the transaction that needs it. Rejects when the first look fails; that something is
 * kept for too long can wait.
 */
export async function keepPartitions(pool: Pool, logger: Logger): Promise<{ stop: () => void }> {
  const ensure = (): Promise<void> => ensurePartitions(pool);
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
