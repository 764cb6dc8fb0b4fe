import { randomUUID } from 'node:crypto';
import { createLogger } from '@sagamart/telemetry/logger';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import type { BatchHandler } from './batch.ts';
import { startConsumer, type RunningConsumer } from './consumer.ts';

/** What node:test hands to a test, as far as a topic needs it. */
type TestScope = { after: (work: () => Promise<unknown>) => void };

export type TestTopic = {
  readonly topic: string;
  readonly groupId: string;
  readonly logger: ReturnType<typeof createLogger>;
  /** Writes records whose key, value and ce_id are these texts. */
  readonly say: (values: readonly string[]) => Promise<void>;
  /** Starts a member of the topic's group. It is stopped after the test. */
  readonly start: (handle: BatchHandler) => RunningConsumer;
  /** How many records the group has committed. */
  readonly committed: () => Promise<number>;
  /** The ids of the group's members. */
  readonly members: () => Promise<string[]>;
};

// What a test writes or asks while its broker starts again waits for it.
const outlastsRestart = { initialRetryTime: 100, maxRetryTime: 500, retries: 60 };

/** A new topic with two partitions, and a group that has read nothing of it. Needs TEST_KAFKA_BROKERS unless it is told where the broker is. */
export async function openTopic(t: TestScope, brokers = testBrokers()): Promise<TestTopic> {
  const topic = `test-${randomUUID()}`;
  const groupId = `group-${topic}`;
  const logger = createLogger({ service: 'test', level: 'silent' });
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: outlastsRestart });
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  const consumers: RunningConsumer[] = [];
  t.after(async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }], waitForLeaders: false });
  // kafkajs's own wait for leaders fails while the broker has not heard of the topic yet.
  await waitUntil('the topic to be known', () => admin.fetchTopicOffsets(topic).catch(() => null));
  return {
    topic,
    groupId,
    logger,
    say: async (values) => {
      const messages = values.map((value) => ({ key: value, value, headers: { ce_id: value } }));
      await producer.send({ topic, messages });
    },
    start: (handle) => {
      const consumer = startConsumer({ brokers, groupId, topics: [topic], handle, logger });
      consumers.push(consumer);
      return consumer;
    },
    committed: async () => {
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    },
    members: async () => {
      const { groups } = await admin.describeGroups([groupId]);
      return (groups[0]?.members ?? []).map(({ memberId }) => memberId).toSorted();
    },
  };
}

/** The addresses of the brokers that the test run has started. */
export function testBrokers(): string[] {
  return (process.env['TEST_KAFKA_BROKERS'] ?? '').split(',');
}

/** A handler that only remembers the values it was given, in the order in which it was. */
export function listener(): { heard: string[]; listen: BatchHandler } {
  const heard: string[] = [];
  const listen: BatchHandler = async (records) => {
    heard.push(...records.map(({ value }) => value ?? ''));
    return [];
  };
  return { heard, listen };
}

/** The texts from one number up to another. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}
