import { randomUUID } from 'node:crypto';
import { topicOwners } from '@sagamart/contracts/topics';
import type { Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { type IHeaders, Kafka, logLevel, type Message } from 'kafkajs';

type Recording = { topic: string; message: Message };

const readDeadlineMs = 30_000;

/** Writes every record of the saga's topics once more, as it is, to the partition it came from. */
export async function produceAllAgain(shop: Shop): Promise<void> {
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
  const recordings = await readAll(kafka);
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const byTopic = Map.groupBy(recordings, ({ topic }) => topic);
    const topicMessages = [...byTopic].map(([topic, of]) => ({ topic, messages: of.map(({ message }) => message) }));
    await producer.sendBatch({ topicMessages });
  } finally {
    await producer.disconnect();
  }
}

async function readAll(kafka: Kafka): Promise<Recording[]> {
  const topics = Object.keys(topicOwners);
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  await admin.disconnect();
  const expected = offsets.flat().reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);

  const recordings: Recording[] = [];
  const consumer = kafka.consumer({ groupId: `e2e-${randomUUID()}`, allowAutoTopicCreation: false });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message: { key, value, headers = {} } }) => {
        recordings.push({ topic, message: { key, value, partition, headers: withoutGaps(headers) } });
      },
    });
    await waitUntil(`${expected} records are read`, () => recordings.length >= expected, readDeadlineMs);
  } finally {
    await consumer.disconnect();
  }
  return recordings;
}

function withoutGaps(headers: IHeaders): IHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null && value !== undefined));
}
