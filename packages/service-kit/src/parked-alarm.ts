import type { Pool } from 'pg';
import type { ReadinessCheck } from './http-app.ts';
import { countParked } from './parked-store.ts';

const countedMax = 1_000;

/** An alarm for /readyz while messages that this service could not handle wait for an operator. */
export function parkedAlarm(pool: Pool): ReadinessCheck {
  return {
    name: 'parked messages',
    check: async () => {
      const { rows, oldestAgeSeconds } = await countParked(pool, countedMax);
      if (rows === 0) return null;
      const count = rows < countedMax ? rows : `at least ${countedMax}`;
      return `parked messages: ${count}, the first for ${Math.round(oldestAgeSeconds)} s (npm run parked)`;
    },
  };
}
