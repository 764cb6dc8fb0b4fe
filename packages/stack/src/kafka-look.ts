import { type Admin, Kafka, logLevel } from 'kafkajs';
import { kafkaBroker } from './addresses.ts';
import type { Sight } from './part.ts';
import type { Settings } from './settings.ts';

const ANSWER_WITHIN_MS = 3_000;
const NAMED_MAX = 5;

/** Asks the broker for its topics again and again over one connection: a broker may be up and have no leader for a partition. Rejects without an answer. */
export function kafkaLook(settings: Settings): (isUp: boolean) => Promise<Sight | undefined> {
  let connecting: Promise<Admin> | undefined;
  const connected = (): Promise<Admin> => (connecting ??= connect(settings));
  return async (isUp) => {
    if (!isUp) return undefined;
    try {
      const admin = await connected();
      const { topics } = await admin.fetchTopicMetadata();
      return judgeLeaders(topics.flatMap(({ name, partitions }) => partitions.map((one) => ({ topic: name, ...one }))));
    } catch (error) {
      await connecting?.then((admin) => admin.disconnect()).catch(() => undefined);
      connecting = undefined;
      throw error;
    }
  };
}

/** A partition without a leader takes nothing and gives nothing. */
export function judgeLeaders(
  partitions: readonly { readonly topic: string; readonly partitionId: number; readonly leader: number }[],
): Sight {
  const headless = partitions
    .filter(({ leader }) => leader < 0)
    .map(({ topic, partitionId }) => `${topic}/${partitionId}`);
  if (headless.length === 0) return { state: 'running', words: [] };
  const more = headless.length > NAMED_MAX ? ` and ${headless.length - NAMED_MAX} more` : '';
  return { state: 'unhealthy', words: [`no leader for ${headless.slice(0, NAMED_MAX).join(', ')}${more}`] };
}

async function connect(settings: Settings): Promise<Admin> {
  const kafka = new Kafka({
    clientId: 'stack-watch',
    brokers: [kafkaBroker(settings)],
    connectionTimeout: ANSWER_WITHIN_MS,
    requestTimeout: ANSWER_WITHIN_MS,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  return admin;
}
