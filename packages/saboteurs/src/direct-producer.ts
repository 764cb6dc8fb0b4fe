import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, type Message, type Producer } from 'kafkajs';

/** A row as it was about to be written to the outbox. */
type Said = {
  readonly topic: string;
  readonly partition_key: string;
  readonly data: object;
  readonly traceparent: string | null;
} & Readonly<Record<string, string | number | object | null>>;

// Long enough for a crash to be aimed at the moment between the two writes.
const gapMs = 700;

const kept = new WeakMap<object, Said[]>();
let producer: Promise<Producer> | undefined;

/** Remembers what was said in a transaction, in memory: a crash forgets it. */
export function keepForLater(tx: object, said: readonly Said[]): void {
  kept.set(tx, [...(kept.get(tx) ?? []), ...said]);
}

/** Sends what was said in a transaction that has committed. */
export async function produceKept(tx: object): Promise<void> {
  const said = kept.get(tx) ?? [];
  kept.delete(tx);
  if (said.length === 0) return;
  await pause(gapMs);
  await produce(said);
}

/** Sends what is being said, whatever becomes of the transaction. */
export async function produceNow(said: readonly Said[]): Promise<void> {
  await produce(said);
  await pause(gapMs);
}

async function produce(said: readonly Said[]): Promise<void> {
  producer ??= connect();
  const topicMessages = [...Map.groupBy(said, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    messages: ofTopic.map(toMessage),
  }));
  await (await producer).sendBatch({ topicMessages });
}

async function connect(): Promise<Producer> {
  const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
  const connected = new Kafka({ clientId: 'saboteur', brokers, logLevel: logLevel.NOTHING }).producer();
  await connected.connect();
  return connected;
}

/** The record that Debezium would have made of the row. */
function toMessage({ topic: _topic, partition_key: key, data, traceparent, ...attributes }: Said): Message {
  const headers: Record<string, string> = { ce_specversion: '1.0', 'content-type': 'application/json' };
  for (const [column, value] of Object.entries(attributes))
    if (typeof value === 'string' || typeof value === 'number') headers[headerOf(column)] = String(value);
  if (traceparent !== null) headers['traceparent'] = traceparent;
  return { key, value: JSON.stringify(data), headers };
}

function headerOf(column: string): string {
  return column === 'event_id' ? 'ce_id' : `ce_${column.replaceAll('_', '')}`;
}
