import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@sagamart/telemetry/logger';
import { Kafka, logLevel, type Consumer, type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import type { BatchHandler } from './batch.ts';
import type { ConsumedRecord } from './parked.ts';

export type RunningConsumer = {
  /** Null while fetching; else what is wrong, for readiness. */
  readonly trouble: () => string | null;
  /** Since when nothing came from Kafka, not even an empty answer to a fetch. */
  readonly silentForMs: () => number;
  /** Finishes the batch in hand, commits its offsets and leaves the group, or gives that up after 4 s: what is not committed is read again. */
  readonly stop: () => Promise<void>;
};

export const recordsPerTransactionMax = 200;
const maxBytesPerPartition = 256 * 1024;
const heartbeatIntervalMs = 1_000;
const sessionTimeoutMs = 6_000;
const rebalanceTimeoutMs = 6_000;
const fetchWaitMs = 500;
// A member that tries until the broker is back keeps its place in the group. With 5 retries it gave up after 5 s, just before a killed broker is up
// again, and came back as another: then the group waits out the session of the first, 6 s more.
const retry = { initialRetryTime: 200, maxRetryTime: 1_000, retries: 20 };
const leaveWithinMs = 4_000;
const silenceMaxMs = 15_000;
const rebuildPauseMs = 1_000;

/**
 * Consumes topics from the group's offsets (from the beginning where it has none) until stopped. Offsets are committed only for records
 * whose handling has committed in the database: every record is handled at least once. A consumer that kafkajs gave up is replaced.
 */
export function startConsumer(options: {
  brokers: readonly string[];
  groupId: string;
  topics: readonly string[];
  handle: BatchHandler;
  logger: Logger;
}): RunningConsumer {
  const { logger, groupId } = options;
  const stopping = new AbortController();
  const kafka = new Kafka({
    clientId: groupId,
    brokers: [...options.brokers],
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    retry,
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ log }) =>
        logger.warn({ kafka: log.message, groupId }, 'kafka client'),
  });
  const startedAt = Date.now();
  let lastFetchAt = 0;
  const stopped = once(stopping.signal, 'abort');

  const untilCrash = async (consumer: Consumer): Promise<void> => {
    const crashed = new Promise<Error>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) resolve(payload.error);
      });
    });
    consumer.on(consumer.events.FETCH, () => (lastFetchAt = Date.now()));
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 2,
      eachBatch: (payload) => handleBatch(payload, options.handle, stopping.signal),
    });
    throw await crashed;
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const consumer = kafka.consumer({
        groupId,
        sessionTimeout: sessionTimeoutMs,
        heartbeatInterval: heartbeatIntervalMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        maxBytesPerPartition,
        maxWaitTimeInMs: fetchWaitMs,
        allowAutoTopicCreation: false,
      });
      try {
        await Promise.race([untilCrash(consumer), stopped]);
      } catch (error) {
        logger.error({ err: error, groupId }, 'consumer ended: a new one takes its place');
        await pause(rebuildPauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      } finally {
        const left = consumer
          .disconnect()
          .catch((error: unknown) => logger.warn({ err: error, groupId }, 'consumer did not leave its group cleanly'));
        // A group cannot be left while the broker is down; its session ends without that.
        await Promise.race([left, pause(leaveWithinMs, undefined, { ref: false })]);
      }
    }
  };
  const running = run();

  return {
    trouble: () =>
      Date.now() - lastFetchAt < silenceMaxMs ? null : `no fetch from Kafka for ${silenceMaxMs / 1_000} s`,
    silentForMs: () => Date.now() - Math.max(lastFetchAt, startedAt),
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function handleBatch(payload: EachBatchPayload, handle: BatchHandler, stopping: AbortSignal): Promise<void> {
  const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale } = payload;
  // A member that was evicted finishes its transaction all the same: the inbox, not the group, makes effects happen once.
  const beating = setInterval(() => void heartbeat().catch(() => undefined), heartbeatIntervalMs);
  try {
    for (let start = 0; start < batch.messages.length; start += recordsPerTransactionMax) {
      if (!isRunning() || isStale() || stopping.aborted) return;
      const messages = batch.messages.slice(start, start + recordsPerTransactionMax);
      try {
        await handle(
          messages.map((message) => toRecord(batch.topic, batch.partition, message)),
          stopping,
        );
      } catch (error) {
        if (stopping.aborted) return;
        throw error;
      }
      const last = messages.at(-1);
      if (last !== undefined) resolveOffset(last.offset);
      await heartbeat();
      await commitOffsetsIfNecessary();
    }
  } finally {
    clearInterval(beating);
  }
}

function toRecord(topic: string, partition: number, message: KafkaMessage): ConsumedRecord {
  const headers = Object.entries(message.headers ?? {}).map(
    ([name, value]) => [name, Array.isArray(value) ? value[0] : value] as const,
  );
  return {
    topic,
    partition,
    offset: message.offset,
    appendedAtMs: Number(message.timestamp),
    key: message.key?.toString('utf8') ?? null,
    value: message.value?.toString('utf8') ?? null,
    bytes: message.value,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, value?.toString('utf8')])),
  };
}
