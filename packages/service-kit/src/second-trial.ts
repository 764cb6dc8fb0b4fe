import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';
import type { Settled, Wish } from './parked-acts.ts';
import { listTriedOnce } from './parked-store.ts';
import type { Read } from './read-record.ts';

/** Who stands in the list for a replay that no operator asked for. */
export const itself = 'the service itself';

const trialsAtOnceMax = 10;

/**
 * Replays once, without an operator, each message that was parked because its handling failed, as soon as another of its type succeeds: when the place
 * was to blame after all, nobody has to settle it. What fails again stays parked, and is left to operators.
 */
export function createSecondTrial({
  pool,
  act,
  logger,
}: {
  pool: Pool;
  act: (wish: Wish) => Promise<Settled>;
  logger: Logger;
}) {
  // At first none: an earlier process may have parked some.
  const noneWaits = new Set<string>();

  return {
    /** Says that a message of this type is about to be parked. */
    expect: (type: string): void => void noneWaits.delete(type),

    /** To be called after messages were handled. Never rejects: what cannot be tried now is tried after the next success. */
    after: async (handled: readonly Read[]): Promise<void> => {
      const types = new Set(handled.map((each) => (each.kind === 'refused' ? '' : each.event.type)));
      const waiting = [...types].filter((type) => !noneWaits.has(type));
      if (waiting.length === 0) return;
      try {
        const ids = await listTriedOnce(pool, waiting, trialsAtOnceMax);
        if (ids.length === 0) for (const type of waiting) noneWaits.add(type);
        for (const id of ids) await act({ act: 'replay', id, operator: itself });
      } catch (error) {
        logger.warn({ err: error }, 'parked messages could not be tried again by themselves');
      }
    },
  };
}
