import type { Unfinished } from './database-metrics.ts';
import type { ReadinessCheck } from './http-app.ts';

/** An alarm for /readyz while a row has been longer in a state that must end than so many seconds, by state. */
export function overdueAlarm(
  read: () => Promise<readonly Unfinished[]>,
  secondsMax: Readonly<Record<string, number>>,
): ReadinessCheck {
  return {
    name: 'overdue',
    check: async () => {
      const overdue = (await read()).filter(
        ({ state, oldestAgeSeconds }) => oldestAgeSeconds > (secondsMax[state] ?? Number.POSITIVE_INFINITY),
      );
      if (overdue.length === 0) return null;
      return overdue
        .map(
          ({ state, rows, oldestAgeSeconds }) =>
            `overdue ${state}: ${rows}, the first for ${Math.round(oldestAgeSeconds)} s`,
        )
        .join(', ');
    },
  };
}
