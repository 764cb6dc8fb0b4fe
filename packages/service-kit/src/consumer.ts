import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@sagamart/telemetry/logger';
import { Kafka, logLevel, type Consumer, type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import type { BatchHandler } from './batch.ts';
import { createPulse, type Pulse } from './consumer-pulse.ts';
import { gathered } from './gathering.ts';
import { createOffsetCommits, type OffsetCommits } from './offset-commits.ts';
import type { ConsumedRecord } from './parked.ts';

/** The port to Kafka. What any client behind it must do is written down in consumer.kafka.test.ts. */
export type RunningConsumer = {
  /** Null while records are fetched and handled; else what is wrong, for readiness. */
  readonly trouble: () => string | null;
  /** For how long no record was fetched or handled, and no fetch answered that there is none. */
  readonly silentForMs: () => number;
  /** Finishes the batch in hand, commits its offsets and leaves the group, or gives that up after 4 s: what is not committed is read again. */
  readonly stop: () => Promise<void>;
};

export const recordsPerTransactionMax = 200;
// All that one fetch can bring, so that it can be handed over together.
const partitionsMax = 64;
const bytesPerPartitionMax = 256 * 1024;
// Nothing is fetched while records are being handled: this is all that waits in memory.
const bytesPerFetchMax = 4 * 1024 * 1024;
const heartbeatIntervalMs = 1_000;
const sessionTimeoutMs = 6_000;
const rebalanceTimeoutMs = 6_000;
const fetchWaitMs = 500;
// A member that tries until the broker is back keeps its place in the group. With 5 retries it gave up after 5 s, just before a killed broker is up
// again, and came back as another: then the group waits out the session of the first, 6 s more.
const retry = { initialRetryTime: 200, maxRetryTime: 1_000, retries: 20, restartOnFailure: async () => false };
const leaveWithinMs = 4_000;
const rebuildPauseMs = 500;
const handlingPauseMs = 1_000;

/**
 * Consumes topics from the group's offsets (from the beginning where it has none) until stopped. Offsets are committed only for records
 * whose handling has committed in the database, within about a second of it: every record is handled at least once. When `handle` rejects, the same
 * records are tried again. A client that gave up, or is silent for 20 s, is replaced.
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
  const handle = gathered((records) => options.handle(records, stopping.signal), recordsPerTransactionMax);
  const pulse = createPulse();
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
  const stopped = once(stopping.signal, 'abort');

  const untilCrash = async (consumer: Consumer, commits: OffsetCommits, replaced: AbortSignal): Promise<never> => {
    const crashed = new Promise<Error>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
    });
    consumer.on(consumer.events.FETCH, () => {
      // One that was disconnected while it was joining its group joins all the same.
      if (replaced.aborted) void consumer.disconnect().catch(() => undefined);
      else pulse.beat();
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      autoCommit: false,
      partitionsConsumedConcurrently: partitionsMax,
      eachBatch: (payload) => handleBatch(payload, { handle, commits, pulse, logger, stopping: stopping.signal }),
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
        maxBytesPerPartition: bytesPerPartitionMax,
        maxBytes: bytesPerFetchMax,
        maxWaitTimeInMs: fetchWaitMs,
        allowAutoTopicCreation: false,
      });
      const replaced = new AbortController();
      const commits = createOffsetCommits();
      try {
        await Promise.race([
          untilCrash(consumer, commits, replaced.signal),
          pulse.untilSilent(replaced.signal),
          stopped,
        ]);
      } catch (error) {
        logger.error({ err: error, groupId }, 'consumer ended: a new one takes its place');
        await pause(rebuildPauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      } finally {
        replaced.abort();
        const left = leave(consumer, commits).catch((error: unknown) =>
          logger.warn({ err: error, groupId }, 'consumer did not leave its group cleanly'),
        );
        // A group cannot be left while the broker is down; its session ends without that.
        await Promise.race([left, pause(leaveWithinMs, undefined, { ref: false })]);
      }
    }
  };
  const running = run();

  return {
    trouble: pulse.trouble,
    silentForMs: pulse.silentForMs,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function leave(consumer: Consumer, commits: OffsetCommits): Promise<void> {
  try {
    await commits.close();
  } finally {
    await consumer.disconnect();
  }
}

type Handling = {
  handle: (records: readonly ConsumedRecord[]) => Promise<unknown>;
  commits: OffsetCommits;
  pulse: Pulse;
  logger: Logger;
  stopping: AbortSignal;
};

async function handleBatch(payload: EachBatchPayload, handling: Handling): Promise<void> {
  const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
  const { commits, pulse, stopping } = handling;
  const partition = `${batch.topic}/${batch.partition}`;
  // A member that was evicted finishes its transaction all the same: the inbox, not the group, makes effects happen once.
  const beating = setInterval(() => void heartbeat().catch(() => undefined), heartbeatIntervalMs);
  pulse.took(partition);
  try {
    for (let start = 0; start < batch.messages.length; start += recordsPerTransactionMax) {
      if (!isRunning() || isStale() || stopping.aborted) return;
      const messages = batch.messages.slice(start, start + recordsPerTransactionMax);
      const records = messages.map((message) => toRecord(batch.topic, batch.partition, message));
      while (!(await isHandled(records, handling))) {
        await pause(handlingPauseMs, undefined, { signal: stopping }).catch(() => undefined);
        if (!isRunning() || isStale() || stopping.aborted) return;
        // Throws when the group has given the partition to another member: that one goes on.
        await heartbeat();
      }
      pulse.handled();
      const last = messages.at(-1);
      if (last !== undefined) resolveOffset(last.offset);
      await heartbeat();
      await commits.handled(payload);
    }
  } finally {
    clearInterval(beating);
    pulse.released(partition);
  }
}

// No error may reach kafkajs: at a TypeError it stops for good.
async function isHandled(records: readonly ConsumedRecord[], { handle, logger, stopping }: Handling): Promise<boolean> {
  try {
    await handle(records);
    return true;
  } catch (error) {
    if (!stopping.aborted) {
      const { topic, partition, offset } = records[0] ?? {};
      logger.error({ err: error, topic, partition, offset }, 'records could not be handled and are tried again');
    }
    return false;
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
