import { setTimeout as pause } from 'node:timers/promises';

const silenceMaxMs = 15_000;
// Over a connection that died without a word kafkajs asks 20 times, 10 s each.
const silenceGivenUpMs = 20_000;
// On a crowded machine a group takes its time to let somebody in; who gave up before that would never get in.
const joiningGivenUpMs = 60_000;
const silenceLookMs = 1_000;

export type Pulse = ReturnType<typeof createPulse>;

/**
 * When a consumer last showed a sign of life, and since when it has had records in hand without handling any. By a clock that nobody sets: after a wall
 * clock was ahead for a moment, a client that is dead would look alive until the clock gets there.
 */
export function createPulse() {
  const startedAtMs = performance.now();
  let lastMs = -Infinity;
  let lastHandledMs = -Infinity;
  const inHandSinceMs = new Map<string, number>();
  const beat = (): void => void (lastMs = performance.now());
  return {
    beat,
    took: (partition: string): void => void inHandSinceMs.set(partition, performance.now()),
    handled: (): void => void (lastHandledMs = performance.now()),
    released: (partition: string): void => {
      inHandSinceMs.delete(partition);
      beat();
    },
    silentForMs: (): number => performance.now() - Math.max(startedAtMs, lastMs),
    trouble: (): string | null => {
      const nowMs = performance.now();
      // What waits for its turn behind others is not stuck while those are handled.
      for (const [partition, sinceMs] of inHandSinceMs) {
        const idleMs = nowMs - Math.max(sinceMs, lastHandledMs);
        if (idleMs > silenceMaxMs)
          return `records of ${partition} are in hand, and none were handled for ${Math.round(idleMs / 1_000)} s`;
      }
      const isSilent = inHandSinceMs.size === 0 && nowMs - lastMs > silenceMaxMs;
      return isSilent ? `no fetch from Kafka for ${silenceMaxMs / 1_000} s` : null;
    },
    /**
     * Rejects when there has been no sign of life for 20 s, of a client that is new now for 60 s, or when the signal aborts. It counts its own looks: a
     * process that was paused has not been silent.
     */
    untilSilent: async (signal: AbortSignal): Promise<never> => {
      const newSinceMs = lastMs;
      for (let looks = 0, seenMs = lastMs; ; seenMs = lastMs) {
        await pause(silenceLookMs, undefined, { signal });
        looks = inHandSinceMs.size > 0 || lastMs !== seenMs ? 0 : looks + 1;
        const givenUpMs = lastMs === newSinceMs ? joiningGivenUpMs : silenceGivenUpMs;
        if (looks * silenceLookMs >= givenUpMs)
          throw new Error(`the client has not fetched for ${givenUpMs / 1_000} s`);
      }
    },
  };
}
