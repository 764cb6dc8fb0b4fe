import { openTopicReader } from '@sagamart/auditor/topic-reader';
import type { KafkaRecord } from '@sagamart/contracts/cloud-event';
import type { KafkaMessage } from 'kafkajs';

/** A message as it stands on its topic, and where: `<topic> <partition> <offset>`. */
export type PublishedMessage = KafkaRecord & { readonly place: string };

/** Every message of the saga's topics up to now, headers included. */
export async function readPublished(brokers: readonly string[]): Promise<PublishedMessage[]> {
  const published = new Map<string, PublishedMessage>();
  const reader = await openTopicReader(brokers, (topic, partition, messages) => {
    for (const message of messages) {
      const place = `${topic} ${partition} ${message.offset}`;
      published.set(place, { ...recordOf(topic, message), place });
    }
  });
  try {
    await reader.readToEnd();
    return [...published.values()];
  } finally {
    await reader.close();
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
