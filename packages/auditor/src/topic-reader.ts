import { hash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isUuidv7 } from '@sagamart/contracts/ids';
import { topicOwners, type Topic } from '@sagamart/contracts/topics';
import { scopeKeyOf } from '@sagamart/service-kit/parked';
import { decodeWithinLimits, isDecoded, type FetchedMessage } from '@sagamart/service-kit/record-batch';
import { Kafka, logLevel, type Admin, type Consumer } from 'kafkajs';
import type { Books, TopicRecord } from './books.ts';

/**
 * Reads the saga's topics from their start, and only when asked: reading along with a busy shop takes a third of a core from it. A record may come more
 * than once: who notes it tells by its place. It reads what the services read: also what somebody's transaction has not committed.
 */
export type TopicReader = {
  /** Resolves when all is noted up to the end offsets at the time of the call, with what the topics still hold. Rejects when nothing comes any more. */
  readonly readToEnd: () => Promise<Books['topicsHoldFromMs']>;
  /** The records that nobody can read, each with its place and why: the first thousand that came. */
  readonly unreadable: () => readonly string[];
  readonly close: () => Promise<void>;
};

const topics = Object.keys(topicOwners) as Topic[];
const allPartitions = topics.map((topic) => ({ topic }));
const silenceMaxMs = 15_000;
const unreadableMax = 1_000;
const pollMs = 20;
const askAgainMs = 200;

export async function openTopicReader(
  brokers: readonly string[],
  note: (topic: string, partition: number, messages: readonly FetchedMessage[]) => void,
): Promise<TopicReader> {
  decodeWithinLimits();
  const kafka = new Kafka({
    clientId: 'auditor',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  });
  const admin = kafka.admin();
  // A group of its own, made for this reader and deleted with it: nobody else's offsets move.
  const groupId = `auditor-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 10_000,
    heartbeatInterval: 1_000,
    maxWaitTimeInMs: 100,
    readUncommitted: true,
    allowAutoTopicCreation: false,
  });
  const firstAtMs = new Map<string, number>();
  const nextOffset = new Map<string, number>();
  const unreadable = new Map<string, string>();
  let lastReadAtMs = 0;
  await Promise.all([admin.connect(), consumer.connect()]);
  await startReading(consumer, (topic, partition, messages) => {
    const place = `${topic} ${partition}`;
    const [first, last] = [messages[0], messages.at(-1)];
    if (first === undefined || last === undefined) return;
    lastReadAtMs = Date.now();
    note(
      topic,
      partition,
      messages.filter(({ isPassedOver }) => isPassedOver !== true),
    );
    for (const { offset, unreadable: why } of messages)
      if (why !== undefined && unreadable.size < unreadableMax)
        unreadable.set(`${topic}/${partition}/${offset}`, why.detail);
    if (!firstAtMs.has(place)) firstAtMs.set(place, Number(first.timestamp));
    // A reader that lost its place in the group begins again at the start.
    nextOffset.set(place, Math.max(nextOffset.get(place) ?? 0, Number(last.offset) + 1));
  });
  consumer.pause(allPartitions);
  const untilRead = async (offsets: readonly Offsets[]): Promise<void> => {
    const askedAtMs = Date.now();
    // What retention took away meanwhile need not be read.
    const missing = () => offsets.filter(({ place, low, high }) => Math.max(nextOffset.get(place) ?? 0, low) < high);
    while (missing().length > 0) {
      if (Date.now() - Math.max(askedAtMs, lastReadAtMs) > silenceMaxMs)
        throw new Error(
          `nothing came for ${silenceMaxMs / 1_000} s, though the end is not reached of ${missing()
            .map(({ place }) => place)
            .join(', ')}`,
        );
      await pause(pollMs);
    }
  };
  let asking = 0;
  let topicIds = await admin.fetchTopicIds(topics);
  /** Reads from their start the topics that were made anew: where the reader is was a place in those of before. */
  const beginAnew = async (): Promise<void> => {
    const before = topicIds;
    topicIds = await admin.fetchTopicIds(topics);
    for (const place of [...nextOffset.keys()]) {
      const [topic = '', partition] = place.split(' ');
      if (before.get(topic) === topicIds.get(topic)) continue;
      nextOffset.delete(place);
      firstAtMs.delete(place);
      consumer.seek({ topic, partition: Number(partition), offset: '0' });
    }
  };

  return {
    readToEnd: async () => {
      await beginAnew();
      const offsets = await fetchOffsets(admin);
      asking += 1;
      consumer.resume(allPartitions);
      try {
        await untilRead(offsets);
      } finally {
        asking -= 1;
        if (asking === 0) consumer.pause(allPartitions);
      }
      return holdFrom(offsets, firstAtMs);
    },
    unreadable: () => [...unreadable].map(([place, why]) => `${place}: ${why}`),
    close: async () => {
      await consumer.disconnect();
      await admin.deleteGroups([groupId]).catch(() => undefined);
      await admin.disconnect();
    },
  };
}

type Offsets = { topic: Topic; place: string; low: number; high: number };

async function startReading(
  consumer: Consumer,
  take: (topic: string, partition: number, messages: readonly FetchedMessage[]) => void,
): Promise<void> {
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      take(batch.topic, batch.partition, batch.messages.filter(isDecoded));
      return Promise.resolve();
    },
  });
}

async function fetchOffsets(admin: Admin): Promise<Offsets[]> {
  const all = await Promise.all(
    topics.map(async (topic) => ({ topic, partitions: await askPatiently(() => admin.fetchTopicOffsets(topic)) })),
  );
  return all.flatMap(({ topic, partitions }) =>
    partitions
      .toSorted((one, other) => one.partition - other.partition)
      .map(({ partition, low, high }) => ({
        topic,
        place: `${topic} ${partition}`,
        low: Number(low),
        high: Number(high),
      })),
  );
}

/**
 * Asks Kafka again while it says that this will pass. kafkajs itself gives up at once here, although a broker that was too busy to be heard for three
 * seconds leads nothing until it is heard again.
 */
export async function askPatiently<Answer>(ask: () => Promise<Answer>, deadlineMs = silenceMaxMs): Promise<Answer> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const willPass = error instanceof Error && 'retriable' in error && error.retriable === true;
      if (!willPass || Date.now() > deadline) throw error;
    }
    await pause(askAgainMs);
  }
}

/** A topic that lost its first records to retention holds all it was given since its youngest partition start. */
function holdFrom(offsets: readonly Offsets[], firstAtMs: ReadonlyMap<string, number>): Record<Topic, number> {
  const heldFrom = Object.fromEntries(topics.map((topic) => [topic, 0])) as Record<Topic, number>;
  for (const { topic, place, low } of offsets) {
    if (low > 0) heldFrom[topic] = Math.max(heldFrom[topic], firstAtMs.get(place) ?? Date.now());
  }
  return heldFrom;
}

/** What the auditor compares of a message. One without an id of ours is told by its place, as where it is parked. */
export function toTopicRecord(topic: string, partition: number, message: FetchedMessage): TopicRecord {
  const header = (name: string): string | null => message.headers[name]?.toString() ?? null;
  const id = header('ce_id') ?? '';
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: scopeKeyOf({ key: message.key?.toString() ?? null }),
    id: isUuidv7(id) ? id : `@${topic}/${partition}/${message.offset}`,
    type: header('ce_type') ?? '',
    source: header('ce_source') ?? '',
    version: Number(header('ce_aggregateversion')),
    lamport: Number(header('ce_lamport')),
    causationId: header('ce_causationid'),
    digest: hash('md5', message.value ?? ''),
  };
}
