import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@sagamart/telemetry/logger';
import { Kafka, logLevel, type Consumer, type EachBatchPayload } from 'kafkajs';
import type { BatchHandler } from './batch.ts';
import { createPulse, type Pulse } from './consumer-pulse.ts';
import { gathered } from './gathering.ts';
import { createOffsetCommits, type OffsetCommits } from './offset-commits.ts';
import type { ConsumedRecord } from './parked.ts';
import { decodeWithinLimits, isDecoded, type FetchedMessage } from './record-batch.ts';
import { createTopicWatch, readFromStart, type TopicIds, type TopicWatch } from './topic-ids.ts';

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
 * records are tried again. What cannot be read comes as a record that says so. A client that gave up, or is silent for 20 s, is replaced; so is one
 * whose topic was made anew, and that topic is read from its start.
 */
export function startConsumer(options: {
  brokers: readonly string[];
  groupId: string;
  topics: readonly string[];
  handle: BatchHandler;
  logger: Logger;
}): RunningConsumer {
  decodeWithinLimits();
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

  const untilCrash = async ({ consumer, watch, topicIds, commits, replaced }: Client): Promise<never> => {
    const crashed = new Promise<Error>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
    });
    consumer.on(consumer.events.FETCH, () => {
      // One that was disconnected while it was joining its group joins all the same.
      if (replaced.aborted) void consumer.disconnect().catch(() => undefined);
      else pulse.beat();
    });
    for (const [topic, id] of await watch.read()) topicIds.set(topic, id);
    readFromStart(consumer, await watch.listMisplaced(topicIds));
    replaced.throwIfAborted();
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      autoCommit: false,
      partitionsConsumedConcurrently: partitionsMax,
      eachBatch: (payload) =>
        handleBatch(payload, { handle, topicIds, commits, pulse, logger, stopping: stopping.signal }),
    });
    throw await crashed;
  };

  /** Consumes until asked to stop; rejects when the client has to be replaced. */
  const runClient = async (): Promise<unknown> => {
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxBytesPerPartition: bytesPerPartitionMax,
      maxBytes: bytesPerFetchMax,
      maxWaitTimeInMs: fetchWaitMs,
      // Nobody who publishes here uses transactions: one that a stranger leaves open would only hide what comes after it.
      readUncommitted: true,
      allowAutoTopicCreation: false,
    });
    const watch = createTopicWatch(kafka, options);
    const replaced = new AbortController();
    const topicIds = new Map<string, string>();
    const commits = createOffsetCommits(topicIds);
    try {
      return await Promise.race([
        untilCrash({ consumer, watch, topicIds, commits, replaced: replaced.signal }),
        watch.untilReplaced(topicIds, replaced.signal),
        pulse.untilSilent(replaced.signal),
        stopped,
      ]);
    } finally {
      replaced.abort();
      const left = leave({ consumer, watch, commits }).catch((error: unknown) =>
        logger.warn({ err: error, groupId }, 'consumer did not leave its group cleanly'),
      );
      // A group cannot be left while the broker is down; its session ends without that.
      await Promise.race([left, pause(leaveWithinMs, undefined, { ref: false })]);
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await runClient().catch(async (error: unknown) => {
        logger.error({ err: error, groupId }, 'consumer ended: a new one takes its place');
        await pause(rebuildPauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      });
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

type Client = {
  readonly consumer: Consumer;
  readonly watch: TopicWatch;
  /** Filled before it joins its group. */
  readonly topicIds: Map<string, string>;
  readonly commits: OffsetCommits;
  readonly replaced: AbortSignal;
};

async function leave({ consumer, watch, commits }: Pick<Client, 'consumer' | 'watch' | 'commits'>): Promise<void> {
  try {
    await commits.close();
  } finally {
    await Promise.all([consumer.disconnect(), watch.close()]);
  }
}

type Handling = {
  handle: (records: readonly ConsumedRecord[]) => Promise<unknown>;
  topicIds: TopicIds;
  commits: OffsetCommits;
  pulse: Pulse;
  logger: Logger;
  stopping: AbortSignal;
};

async function handleBatch(payload: EachBatchPayload, handling: Handling): Promise<void> {
  const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
  const { topicIds, commits, pulse, stopping } = handling;
  const { topic } = batch;
  const topicId = topicIds.get(topic);
  const partition = `${batch.topic}/${batch.partition}`;
  // A member that was evicted finishes its transaction all the same: the inbox, not the group, makes effects happen once.
  const beating = setInterval(() => void heartbeat().catch(() => undefined), heartbeatIntervalMs);
  pulse.took(partition);
  try {
    for (let start = 0; start < batch.messages.length; start += recordsPerTransactionMax) {
      if (!isRunning() || isStale() || stopping.aborted) return;
      const messages = batch.messages.slice(start, start + recordsPerTransactionMax).filter(isDecoded);
      const records = messages
        .filter(({ isPassedOver }) => isPassedOver !== true)
        .map((message) => toRecord({ topic, topicId, partition: batch.partition }, message));
      while (records.length > 0 && !(await isHandled(records, handling))) {
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

function toRecord(
  place: Pick<ConsumedRecord, 'topic' | 'topicId' | 'partition'>,
  { offset, timestamp, key, value, headers, unreadable }: FetchedMessage,
): ConsumedRecord {
  return {
    ...place,
    offset,
    appendedAtMs: Number(timestamp),
    key: key?.toString('utf8') ?? null,
    value: value?.toString('utf8') ?? null,
    bytes: value,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text?.toString('utf8')])),
    unreadable,
  };
}
