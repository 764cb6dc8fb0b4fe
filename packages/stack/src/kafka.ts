import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { dataFolder, HOST, hostOf, kafkaBroker } from './addresses.ts';
import { javaParts, type Jvm, jvm, smallJvm } from './java.ts';
import { kafkaLook } from './kafka-look.ts';
import type { Part, Say } from './part.ts';
import { probeTcp } from './probe.ts';
import type { Settings } from './settings.ts';
import { fillFile } from './template.ts';

// The broker's heap. It never needed more than 130 MB at 1,000 orders at full speed; less than 200 MB makes it collect all the time.
const HEAP = ['-Xms96m', '-Xmx288m'];

/** The broker, which is its own controller, and the shop's topics in it. */
export function kafkaPart(settings: Settings): Part {
  const data = dataFolder(settings.home, 'kafka');
  const properties = join(settings.home, 'etc/kafka.properties');
  let java: Jvm | undefined;
  return {
    name: 'kafka',
    kind: 'broker',
    url: kafkaBroker(settings),
    ports: [
      { variable: 'KAFKA_PORT', port: settings.ports.KAFKA_PORT },
      { variable: 'KAFKA_CONTROLLER_PORT', port: settings.ports.KAFKA_CONTROLLER_PORT },
    ],
    after: [],
    prepare: async (say, signal) => {
      const parts = await javaParts(settings, say, signal);
      fillFile(join(settings.root, 'infra/kafka/server.properties'), properties, {
        KAFKA_HOST: HOST,
        KAFKA_PORT: String(settings.ports.KAFKA_PORT),
        KAFKA_CONTROLLER_PORT: String(settings.ports.KAFKA_CONTROLLER_PORT),
        KAFKA_DATA: data,
      });
      java = await jvm(settings, parts, 'kafka', HEAP);
      if (!existsSync(join(data, 'meta.properties'))) await format(java, data, properties, say);
    },
    command: async () => {
      if (java === undefined) throw new Error('kafka was not prepared');
      return { program: java.program, args: [...java.args, 'kafka.Kafka', properties], env: java.env };
    },
    probe: () => probeBroker(settings),
    settle: (say) => createTopics(settings, say),
    look: kafkaLook(settings),
    ended: (stopped) => java?.ended(stopped),
    stopSignal: 'SIGTERM',
    readyWithinMs: 120_000,
    stopWithinMs: 30_000,
  };
}

async function format(java: Jvm, data: string, properties: string, say: Say): Promise<void> {
  say('formatting the log folder');
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true });
  // Kafka's cluster ids are 16 random bytes in base64url; one that begins with a dash would be read as an option.
  const clusterId = Buffer.concat([Buffer.from([0x53]), randomBytes(15)]).toString('base64url');
  await promisify(execFile)(
    java.program,
    [...smallJvm, 'kafka.tools.StorageTool', 'format', '--standalone', '-t', clusterId, '-c', properties],
    {
      env: java.env,
    },
  );
}

// ApiVersions, version 0, correlation id 1, no client id: the first thing every client asks, answered only by a broker that is up.
const API_VERSIONS_REQUEST = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
const CORRELATION_ID_AT = 4;

export function probeBroker(settings: Settings): Promise<void> {
  const address = { host: hostOf(settings, 'kafka'), port: settings.ports.KAFKA_PORT };
  return probeTcp(
    address,
    API_VERSIONS_REQUEST,
    (answer) => answer.length > CORRELATION_ID_AT + 4 && answer.readInt32BE(CORRELATION_ID_AT) === 1,
  );
}

type TopicGroup = { names: string[]; partitions: number; config: Record<string, string> };

const TOPIC_ATTEMPTS_MAX = 30;
const TOPIC_PAUSE_MS = 100;

/** Creates the topics of infra/kafka/topics.json that are missing and waits until the broker knows them. Can be repeated. */
export async function createTopics(settings: Settings, say: Say): Promise<void> {
  say('creating topics');
  const groups = JSON.parse(readFileSync(join(settings.root, 'infra/kafka/topics.json'), 'utf8')) as TopicGroup[];
  const kafka = new Kafka({
    clientId: 'stack',
    brokers: [kafkaBroker(settings)],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: TOPIC_ATTEMPTS_MAX },
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const topics = groups.flatMap(({ names, partitions, config }) =>
      names.map((topic) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    );
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    if (missing.length === 0) return;
    await admin.createTopics({ topics: missing, waitForLeaders: false });
    await untilTopicsAreKnown(
      admin,
      missing.map(({ topic }) => topic),
    );
  } finally {
    await admin.disconnect();
  }
}

// kafkajs's own `waitForLeaders` fails when the broker has not heard yet of what the controller has just made.
async function untilTopicsAreKnown(admin: Admin, topics: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await admin.fetchTopicMetadata({ topics: [...topics] });
      return;
    } catch (error) {
      if (attempt === TOPIC_ATTEMPTS_MAX) throw error;
      await delay(TOPIC_PAUSE_MS);
    }
  }
}
