import { Kafka, logLevel, Partitioners, type Admin } from 'kafkajs';

/** Topic → partition → offset. */
export type Offsets = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

export type GroupProgress = {
  /** The ends of the topics, and then how far the group has committed: in this order, so that `committed` is never older than `ends`. */
  readonly read: (topics: readonly string[]) => Promise<{ ends: Offsets; committed: Offsets }>;
  /** The partition that holds a key, as Kafka's Java producer (and so Debezium) chooses it: murmur2 of the key's bytes. */
  readonly partitionOf: (topic: string, key: string, offsets: Offsets) => number;
  readonly close: () => Promise<void>;
};

/** Tells how far a consumer group has come. Connects at the first question; rejects while Kafka cannot be reached. */
export function createGroupProgress(options: { brokers: readonly string[]; groupId: string }): GroupProgress {
  const kafka = new Kafka({
    clientId: `${options.groupId}-progress`,
    brokers: [...options.brokers],
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 1 },
    logLevel: logLevel.NOTHING,
  });
  const partitioner = Partitioners.DefaultPartitioner();
  let connecting: Promise<Admin> | null = null;

  const connected = (): Promise<Admin> => {
    connecting ??= connect(kafka.admin()).catch((error: unknown) => {
      connecting = null;
      throw error;
    });
    return connecting;
  };

  return {
    read: async (topics) => {
      const admin = await connected();
      const ends = new Map(
        await Promise.all(
          topics.map(async (topic) => [topic, offsetsOf(await admin.fetchTopicOffsets(topic))] as const),
        ),
      );
      const groupOffsets = await admin.fetchOffsets({ groupId: options.groupId, topics: [...topics] });
      return { ends, committed: new Map(groupOffsets.map(({ topic, partitions }) => [topic, offsetsOf(partitions)])) };
    },
    partitionOf: (topic, key, offsets) => {
      const partitions = [...(offsets.get(topic)?.keys() ?? [])];
      const partitionMetadata = partitions.map((partitionId) => ({
        ...{ partitionId, leader: 0, isr: [], replicas: [], partitionErrorCode: 0 },
      }));
      return partitioner({ topic, partitionMetadata, message: { key, value: null } });
    },
    close: async () => {
      if (connecting !== null) await (await connecting).disconnect();
    },
  };
}

async function connect(admin: Admin): Promise<Admin> {
  await admin.connect();
  return admin;
}

function offsetsOf(partitions: readonly { partition: number; offset: string }[]): Map<number, bigint> {
  return new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}
