import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { packWithEveryCodec } from '@sagamart/test-kit/record-packing';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { CompressionTypes, Kafka, logLevel, type FetchOffsetsPartition, type Message } from 'kafkajs';
import type { BatchHandler } from './batch.ts';
import { createGroupProgress } from './group-progress.ts';
import type { ConsumedRecord } from './parked.ts';
import { openTopic, testBrokers } from './topic-fixture.ts';

const deadlineMs = 60_000;
const mebibyte = 1024 * 1024;

packWithEveryCodec();

/** A topic, somebody who writes to partition 0 of it, and a consumer that remembers all it was handed. */
async function openHostileTopic(t: TestContext) {
  const opened = await openTopic(t);
  const { topic, groupId } = opened;
  const kafka = new Kafka({ brokers: testBrokers(), logLevel: logLevel.NOTHING });
  const [producer, admin] = [kafka.producer(), kafka.admin()];
  await Promise.all([producer.connect(), admin.connect()]);
  const progress = createGroupProgress({ brokers: testBrokers(), groupId });
  t.after(() => Promise.all([producer.disconnect(), admin.disconnect(), progress.close()]));
  const records: ConsumedRecord[] = [];
  const keep: BatchHandler = async (batch) => {
    records.push(...batch);
    return [];
  };
  return {
    ...opened,
    ...{ kafka, admin, records },
    send: (message: Omit<Message, 'partition'>, compression = CompressionTypes.None) =>
      producer.send({ topic, compression, messages: [{ ...message, partition: 0 }] }),
    startKeeping: () => opened.start(keep),
    untilKept: (count: number) =>
      waitUntil(`${count} records, not ${records.length}`, () => records.length >= count, deadlineMs),
    lag: async () => {
      const { ends, committed } = await progress.read([topic]);
      return Number(ends.get(topic)?.get(0)) - Math.max(0, Number(committed.get(topic)?.get(0)));
    },
  };
}

describe('whatever stands in a topic', { concurrency: 4 }, () => {
  for (const codec of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) {
    test(`a record packed with ${codec} is read as it was written`, async (t) => {
      const { send, startKeeping, untilKept, records } = await openHostileTopic(t);
      const value = 'ä word '.repeat(10_000);
      await send({ key: 'k', value, headers: { ce_id: 'id', twice: ['first', 'second'] } }, CompressionTypes[codec]);
      startKeeping();
      await untilKept(1);
      const [record] = records;
      assert.deepEqual(
        [record?.key, record?.value, record?.offset, { ...record?.headers }, record?.unreadable],
        ['k', value, '0', { ce_id: 'id', twice: 'first' }, undefined],
      );
    });

    test(`a small record packed with ${codec} that would be large unpacked is set aside, and what comes after it is handled`, async (t) => {
      const { send, startKeeping, untilKept, records } = await openHostileTopic(t);
      await send({ key: 'bomb', value: Buffer.alloc(12 * mebibyte, 0x20) }, CompressionTypes[codec]);
      await send({ key: 'k', value: 'after' });
      startKeeping();
      await untilKept(2);
      const [bomb, after] = records;
      assert.equal(bomb?.unreadable?.reason, 'too_large');
      assert.match(
        bomb?.unreadable?.detail ?? '',
        new RegExp(`1 records of \\d+ bytes \\(${codec.toLowerCase()}\\), offsets 0 to 0`),
      );
      assert.deepEqual([bomb?.offset, bomb?.value, after?.value], ['0', null, 'after']);
    });
  }

  test('a gzip record that unpacks to 300 MB does not keep the process from anything else', async (t) => {
    const { send, startKeeping, untilKept, records } = await openHostileTopic(t);
    await send({ key: 'bomb', value: Buffer.alloc(300 * mebibyte, 0x20) }, CompressionTypes.GZIP);
    startKeeping();
    let longestMs = 0;
    let lastMs = performance.now();
    const ticking = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 10);
    await untilKept(1).finally(() => clearInterval(ticking));
    assert.equal(records[0]?.unreadable?.reason, 'too_large');
    assert.ok(longestMs < 1_000, `the event loop was busy for ${longestMs} ms`);
  });

  test('a record with twenty thousand headers is set aside at once, with those that tell what it is', async (t) => {
    const { send, startKeeping, untilKept, records } = await openHostileTopic(t);
    const headers = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`retry-${index}`, 'x']));
    await send({ key: 'k', value: 'v', headers: { ce_id: 'id', ...headers } });
    const startedAtMs = performance.now();
    const { trouble } = startKeeping();
    await untilKept(1);
    assert.equal(records[0]?.unreadable?.reason, 'headers_too_large');
    assert.match(records[0]?.unreadable?.detail ?? '', /^20001 headers of \d+ bytes/);
    assert.deepEqual([records[0]?.key, records[0]?.headers['ce_id'], trouble()], ['k', 'id', null]);
    t.diagnostic(`${Math.round(performance.now() - startedAtMs)} ms`);
  });

  test('a record of more bytes than any of ours is set aside, with its key', async (t) => {
    const { send, startKeeping, untilKept, records } = await openHostileTopic(t);
    await send({ key: 'k', value: Buffer.alloc(2 * mebibyte, 0x20) }, CompressionTypes.GZIP);
    startKeeping();
    await untilKept(1);
    const [record] = records;
    assert.deepEqual([record?.key, record?.value, record?.unreadable?.reason], ['k', null, 'too_large']);
  });

  test('transactions that are committed, aborted or left open keep nobody from what is around them, nor from the end', async (t) => {
    const { topic, kafka, send, startKeeping, untilKept, records, lag } = await openHostileTopic(t);
    const transactional = (transactionalId: string) =>
      kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1, transactionTimeout: 60_000 });
    for (const end of ['commit', 'abort', 'leave open'] as const) {
      const producer = transactional(`${topic} ${end}`);
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: end, value: end, partition: 0 }] });
      if (end === 'commit') await transaction.commit();
      if (end === 'abort') await transaction.abort();
      t.after(async () => {
        if (end === 'leave open') await transaction.abort();
        await producer.disconnect();
      });
    }
    await send({ key: 'k', value: 'after' });
    startKeeping();
    await untilKept(4);
    assert.deepEqual(
      records.map(({ value }) => value),
      ['commit', 'abort', 'leave open', 'after'],
    );
    await waitUntil('all to be committed, markers included', async () => (await lag()) === 0, deadlineMs);
  });

  test('the marker that ends a transaction is passed over also where nothing comes after it', async (t) => {
    const { topic, kafka, startKeeping, untilKept, lag } = await openHostileTopic(t);
    startKeeping();
    const producer = kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    t.after(() => producer.disconnect());
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: 'k', value: 'v', partition: 0 }] });
    await untilKept(1);
    await waitUntil('the record to be committed', async () => (await lag()) === 0, deadlineMs);
    await transaction.commit();
    await waitUntil('the marker to be there', async () => (await lag()) === 0, deadlineMs);
  });

  test('of a topic that is made anew all is read, though it has grown past where the last one was left', async (t) => {
    const { topic, groupId, kafka, admin, send, startKeeping, untilKept, records } = await openHostileTopic(t);
    for (const value of ['1', '2']) await send({ key: 'k', value });
    const first = startKeeping();
    await untilKept(2);
    const [before] = records;
    await first.stop();
    const committed = await waitUntil('what it committed', async () => {
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return offsets?.partitions.find(({ partition, offset }) => partition === 0 && offset === '2');
    });
    await admin.deleteTopics({ topics: [topic] });
    await waitUntil(
      'the topic to be made anew',
      () =>
        admin
          .createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }], waitForLeaders: false })
          .catch(() => false),
      deadlineMs,
    );
    await waitUntil('it to be known', () => send({ key: 'k', value: '3' }).catch(() => null), deadlineMs);
    for (const value of ['4', '5']) await send({ key: 'k', value });
    await commitAs(kafka, { topic, groupId, ...committed });
    startKeeping();
    await untilKept(5);
    assert.deepEqual(
      records.map(({ value, offset }) => [value, offset]),
      [
        ['1', '0'],
        ['2', '1'],
        ['3', '0'],
        ['4', '1'],
        ['5', '2'],
      ],
    );
    assert.notEqual(records[2]?.topicId, before?.topicId);
  });
});

/** Commits as a member does that has not heard of the new topic: where it was in the one of before. */
async function commitAs(
  kafka: Kafka,
  { groupId, topic, partition, offset, metadata }: { groupId: string; topic: string } & FetchOffsetsPartition,
): Promise<void> {
  const member = kafka.consumer({ groupId });
  await member.connect();
  await member.subscribe({ topics: [topic] });
  const joined = new Promise((resolve) => void member.on(member.events.GROUP_JOIN, resolve));
  await member.run({ autoCommit: false, eachBatch: async () => undefined });
  await joined;
  await member.commitOffsets([{ topic, partition, offset, metadata }]);
  await member.disconnect();
}
