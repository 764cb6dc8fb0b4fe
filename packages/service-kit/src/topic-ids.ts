import { setTimeout as pause } from 'node:timers/promises';
import type { Admin, Consumer, Kafka } from 'kafkajs';

/** Topic → its id. One that is deleted and made anew keeps its name only: what was committed of it, and every place in it, is of another topic. */
export type TopicIds = ReadonlyMap<string, string>;

export type TopicWatch = {
  readonly read: () => Promise<TopicIds>;
  /** The topics of which the group has committed offsets under another id: its place in them means nothing. */
  readonly listMisplaced: (ids: TopicIds) => Promise<string[]>;
  /** Rejects once a topic has another id than it had, or when the signal aborts. While Kafka is away it waits. */
  readonly untilReplaced: (ids: TopicIds, signal: AbortSignal) => Promise<never>;
  readonly close: () => Promise<void>;
};

const lookEveryMs = 5_000;

/** Tells a group of its topics' ids. Connects at the first question. */
export function createTopicWatch(kafka: Kafka, options: { groupId: string; topics: readonly string[] }): TopicWatch {
  const topics = [...options.topics];
  let connecting: Promise<Admin> | null = null;
  const connected = (): Promise<Admin> => {
    connecting ??= connect(kafka.admin({ retry: { retries: 1 } })).catch((error: unknown) => {
      connecting = null;
      throw error;
    });
    return connecting;
  };
  const read = async (): Promise<TopicIds> => (await connected()).fetchTopicIds(topics);

  return {
    read,
    listMisplaced: async (ids) => {
      const committed = await (await connected()).fetchOffsets({ groupId: options.groupId, topics });
      return committed
        .filter(({ topic, partitions }) =>
          partitions.some(({ metadata }) => metadata !== null && metadata !== '' && metadata !== ids.get(topic)),
        )
        .map(({ topic }) => topic);
    },
    untilReplaced: async (ids, signal) => {
      for (;;) {
        await pause(lookEveryMs, undefined, { signal, ref: false });
        const now = await read().catch((): TopicIds => new Map());
        const replaced = [...now].find(([topic, id]) => (ids.get(topic) ?? id) !== id);
        if (replaced !== undefined)
          throw new Error(`the topic ${replaced[0]} was made anew: it is read from its start`);
      }
    },
    close: async () => {
      if (connecting !== null) await (await connecting).disconnect();
    },
  };
}

/** Once it has joined its group, the consumer reads these topics from their start: its place in them is one in what had their name before. */
export function readFromStart(consumer: Consumer, topics: readonly string[]): void {
  const begun = new Set<string>();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    for (const topic of topics) {
      for (const partition of memberAssignment[topic] ?? []) {
        if (begun.has(`${topic}/${partition}`)) continue;
        begun.add(`${topic}/${partition}`);
        consumer.seek({ topic, partition, offset: '0' });
      }
    }
  });
}

async function connect(admin: Admin): Promise<Admin> {
  await admin.connect();
  return admin;
}
