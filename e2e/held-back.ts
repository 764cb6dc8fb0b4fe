import type { ServiceName, Topic } from '@sagamart/contracts/topics';
import { controlPart, type Shop } from '@sagamart/stack/shop';
import { Kafka, logLevel } from 'kafkajs';

/**
 * Starts a stopped service so that it hears nothing of what stands in one of its topics now, and stops it again after `run`: started once more, it
 * hears what was held back. Nobody may write to that topic meanwhile, or the new events would overtake the old ones.
 */
export async function withHeldBack(
  shop: Shop,
  { listener, topic }: { listener: ServiceName; topic: Topic },
  run: () => Promise<void>,
): Promise<void> {
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const [heard] = await admin.fetchOffsets({ groupId: listener, topics: [topic] });
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  await moveGroup(kafka, { groupId: listener, topic, offsets: ends.map(({ partition, high }) => [partition, high]) });
  try {
    await controlPart(shop.home, listener, 'start');
    await run();
  } finally {
    await controlPart(shop.home, listener, 'stop');
    // -1: nothing was ever heard of this partition.
    const offsets = (heard?.partitions ?? []).map(({ partition, offset }): [number, string] => [
      partition,
      offset === '-1' ? '0' : offset,
    ]);
    await moveGroup(kafka, { groupId: listener, topic, offsets });
  }
}

/** What the admin client offers for this takes five seconds, and leaves a member behind for which the service then waits. */
async function moveGroup(
  kafka: Kafka,
  { groupId, topic, offsets }: { groupId: string; topic: Topic; offsets: readonly [number, string][] },
): Promise<void> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic] });
    const joined = new Promise((resolve) => void consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.run({ autoCommit: false, eachBatch: async () => undefined });
    await joined;
    await consumer.commitOffsets(offsets.map(([partition, offset]) => ({ topic, partition, offset })));
  } finally {
    await consumer.disconnect();
  }
}

/** Whatever `run` has stopped runs again after it. */
export async function withAllStarted(shop: Shop, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    for (const part of ['inventory', 'payment', 'order'] as const) await controlPart(shop.home, part, 'start');
  }
}
