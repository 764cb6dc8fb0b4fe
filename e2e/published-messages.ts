import { randomUUID } from 'node:crypto';
import type { KafkaRecord } from '@sagamart/contracts/cloud-event';
import { topicOwners } from '@sagamart/contracts/topics';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';

const topics = Object.keys(topicOwners);
const readDeadlineMs = 60_000;

/** A message as it stands on its topic, and where: `<topic> <partition> <offset>`. */
export type PublishedMessage = KafkaRecord & { readonly place: string };

/** Every message of the saga's topics up to now, headers included. */
export async function readPublished(brokers: readonly string[]): Promise<PublishedMessage[]> {
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...brokers], logLevel: logLevel.NOTHING });
  // A group of its own, deleted with it: nobody else's offsets move.
  const groupId = `e2e-${randomUUID()}`;
  const [admin, consumer] = [kafka.admin(), kafka.consumer({ groupId, allowAutoTopicCreation: false })];
  await Promise.all([admin.connect(), consumer.connect()]);
  try {
    const messages: PublishedMessage[] = [];
    const unread = new Map<string, number>();
    for (const topic of topics)
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic))
        if (Number(high) > Number(low)) unread.set(`${topic} ${partition}`, Number(high));
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        const place = `${topic} ${partition}`;
        const end = unread.get(place) ?? 0;
        if (Number(message.offset) < end)
          messages.push({ ...recordOf(topic, message), place: `${place} ${message.offset}` });
        if (Number(message.offset) + 1 >= end) unread.delete(place);
        return Promise.resolve();
      },
    });
    await waitUntil('the topics are read to their end', () => Promise.resolve(unread.size === 0), readDeadlineMs);
    return messages;
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect();
  }
}

function recordOf(topic: string, { key, value, headers }: KafkaMessage): KafkaRecord {
  const texts = Object.entries(headers ?? {}).map(([name, given]) => {
    const [one] = [given].flat();
    return [name, one === undefined || one === null ? undefined : one.toString()] as const;
  });
  return {
    topic,
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    headers: Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
  };
}
