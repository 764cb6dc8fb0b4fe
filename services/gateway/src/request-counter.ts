import type { Logger } from '@sagamart/telemetry/logger';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inChildSpan } from '@sagamart/telemetry/spans';
import { Redis } from 'ioredis';

/** Counts requests of a key in fixed windows. Never throws and never takes longer than 0.2 s. */
export type RequestCounter = {
  count(key: string, windowMs: number): Promise<{ current: number; ttl: number }>;
  close(): Promise<void>;
};

/**
 * Counts in Redis, so that all replicas of the gateway share one limit. While Redis does not answer, each process counts alone: a limit is then as
 * many times too high as there are replicas, but requests go on.
 */
export function createRequestCounter(redisUrl: string, logger: Logger): RequestCounter {
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    retryStrategy: (attempt) => Math.min(attempt * 100, reconnectPauseMsMax),
  });
  const here = createProcessCounts();
  let isDown = false;
  let askAgainAtMs = 0;

  // ioredis tells every failed reconnection; the change of state is the fact worth logging.
  redis.on('error', (err: Error) => turnTo(true, err));

  function turnTo(down: boolean, err?: unknown): void {
    if (down) askAgainAtMs = performance.now() + restMs;
    if (down === isDown) return;
    isDown = down;
    if (down) logger.warn({ err }, 'Redis does not answer: requests are counted in this process');
    else logger.info('Redis answers again: requests are counted there');
  }

  return {
    async count(key, windowMs) {
      if (performance.now() < askAgainAtMs) return here.count(key, windowMs);
      try {
        const counted = await inChildSpan(spanName.redisCount, { kind: 'CLIENT', attributes: redisEval }, () =>
          redis.eval(countScript, 1, `${keyPrefix}${key}`, windowMs),
        );
        if (!isPair(counted)) throw new Error('Redis answered something else than a count and its time left');
        turnTo(false);
        return { current: counted[0], ttl: counted[1] };
      } catch (err) {
        turnTo(true, err);
        return here.count(key, windowMs);
      }
    },
    close: async () => redis.disconnect(),
  };
}

/** Counts in this process only. Keeps at most 100,000 keys and forgets the oldest first. */
export function createProcessCounts(nowMs: () => number = () => performance.now()) {
  const windows = new Map<string, { current: number; endsAtMs: number }>();
  return {
    count(key: string, windowMs: number): { current: number; ttl: number } {
      const now = nowMs();
      const known = windows.get(key);
      if (known !== undefined && known.endsAtMs > now) {
        known.current += 1;
        return { current: known.current, ttl: Math.ceil(known.endsAtMs - now) };
      }
      windows.delete(key);
      const [oldest] = windows.keys();
      if (windows.size >= keysMax && oldest !== undefined) windows.delete(oldest);
      windows.set(key, { current: 1, endsAtMs: now + windowMs });
      return { current: 1, ttl: windowMs };
    },
  };
}

// Not the key: it holds an address.
const redisEval = { [attribute.dbSystem]: 'redis', [attribute.dbOperation]: 'EVAL' };
const keyPrefix = 'rate-limit:';
const keysMax = 100_000;
const commandTimeoutMs = 200;
const connectTimeoutMs = 1_000;
const reconnectPauseMsMax = 1_000;
/** A paused Redis costs one request the command timeout, then none for this long. */
const restMs = 1_000;

// A key that lost its time to live would count for ever, hence the repair of a negative PTTL.
const countScript = `
local current = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if current == 1 or left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return { current, left }`;

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && typeof value[0] === 'number' && typeof value[1] === 'number';
}
