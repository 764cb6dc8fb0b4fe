import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { createLogger } from '@sagamart/telemetry/logger';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import type { BatchHandler, Outcome } from './batch.ts';
import { startConsumer } from './consumer.ts';
import { createGroupProgress, type Offsets } from './group-progress.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const brokers = (process.env['TEST_KAFKA_BROKERS'] ?? '').split(',');
const nothing: readonly Outcome[] = [];
const joinDeadlineMs = 30_000;

/** A topic with two partitions and six records, key and value `<n>`, and a group that has read nothing. */
async function topicOfSix(t: TestContext) {
  const topic = `test-${randomUUID()}`;
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  t.after(() => Promise.all([admin.disconnect(), producer.disconnect()]));
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }], waitForLeaders: false });
  // kafkajs's own wait for leaders fails while the broker has not heard of the topic yet.
  await waitUntil('the topic to be known', () => admin.fetchTopicOffsets(topic).catch(() => null));
  const say = (values: string[]) =>
    producer.send({ topic, messages: values.map((value) => ({ key: value, value, headers: { ce_id: value } })) });
  await say(['1', '2', '3', '4', '5', '6']);
  const start = (handle: BatchHandler) =>
    startConsumer({ brokers, groupId: `group-${topic}`, topics: [topic], handle, logger });
  const committed = async () => {
    const [offsets] = await admin.fetchOffsets({ groupId: `group-${topic}`, topics: [topic] });
    return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  };
  return { topic, say, start, committed };
}

test('a consumer that cannot reach Kafka says so, and stops all the same', async () => {
  const consumer = startConsumer({
    brokers: ['127.0.0.1:1'],
    groupId: 'lost',
    topics: ['none'],
    handle: async () => nothing,
    logger,
  });
  assert.match(consumer.trouble() ?? '', /no fetch/);
  const stopsAt = Date.now();
  await consumer.stop();
  assert.ok(Date.now() - stopsAt < 5_000);
});

test('a new group reads from the beginning, whole records in order, and the next start goes on after them', async (t) => {
  const { topic, say, start, committed } = await topicOfSix(t);
  const seen: string[] = [];
  const handle: BatchHandler = async (records) => {
    for (const { topic: of, key, value, bytes, headers, partition } of records) {
      assert.deepEqual([of, key, bytes?.toString(), headers['ce_id']], [topic, value, value, value]);
      seen.push(`${partition}:${value}`);
    }
    return nothing;
  };
  const first = start(handle);
  await waitUntil('six records', () => seen.length === 6, joinDeadlineMs);
  assert.equal(first.trouble(), null);
  await first.stop();
  assert.equal(await committed(), 6);
  for (const partition of ['0', '1']) {
    const values = seen.filter((each) => each.startsWith(partition)).map((each) => Number(each.slice(2)));
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
    );
  }
  await say(['7']);
  const second = start(handle);
  await waitUntil('the seventh record', () => seen.length >= 7, joinDeadlineMs);
  await second.stop();
  assert.equal(seen.length, 7);
});

test('what was not handled when the consumer stopped is read again', async (t) => {
  const { start, committed } = await topicOfSix(t);
  const begun = Promise.withResolvers<void>();
  const first = start((_records, signal) => {
    begun.resolve();
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
  });
  await begun.promise;
  await first.stop();
  assert.equal(await committed(), 0);

  const seen = new Set<string | null>();
  const second = start(async (records) => {
    for (const { value } of records) seen.add(value);
    return nothing;
  });
  await waitUntil('all six records', () => seen.size === 6, joinDeadlineMs);
  await second.stop();
});

test('an error nobody foresaw, of a kind at which kafkajs stops for good, does not end consumption', async (t) => {
  const { start } = await topicOfSix(t);
  const seen = new Set<string | null>();
  let failures = 0;
  const consumer = start(async (records) => {
    if (failures++ < 2) throw new TypeError('x is not a function');
    for (const { value } of records) seen.add(value);
    return nothing;
  });
  await waitUntil('all six records', () => seen.size === 6, joinDeadlineMs);
  await consumer.stop();
});

test('a group tells how far it has come, and which partition the Java client chooses for a key', async (t) => {
  const { topic, start } = await topicOfSix(t);
  const progress = createGroupProgress({ brokers, groupId: `group-${topic}` });
  t.after(() => progress.close());
  const total = (offsets: Offsets) =>
    [...(offsets.get(topic)?.values() ?? [])].reduce((sum, offset) => sum + offset, 0n);
  const before = await progress.read([topic]);
  assert.deepEqual([total(before.ends), total(before.committed)], [6n, -2n]);
  const consumer = start(async () => nothing);
  await waitUntil(
    'all to be committed',
    async () => total((await progress.read([topic])).committed) === 6n,
    joinDeadlineMs,
  );
  await consumer.stop();
  // Kafka's own test vector: murmur2 of '21' is -973932308 (org.apache.kafka.common.utils.UtilsTest).
  assert.equal(progress.partitionOf(topic, '21', before.ends), (-973932308 & 0x7fffffff) % 2);
});
