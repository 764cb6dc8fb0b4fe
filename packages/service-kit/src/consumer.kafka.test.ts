import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createLogger } from '@sagamart/telemetry/logger';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { AssignerProtocol, Kafka, logLevel } from 'kafkajs';
import type { BatchHandler } from './batch.ts';
import { recordsPerTransactionMax, startConsumer } from './consumer.ts';
import type { MemberSays } from './group-member-fixture.ts';
import { createGroupProgress, type Offsets } from './group-progress.ts';
import { listener, numbers, openTopic, testBrokers } from './topic-fixture.ts';

// Waiting costs nothing, and on a crowded machine a group takes its time.
const joinDeadlineMs = 90_000;

async function topicOfSix(t: TestContext) {
  const opened = await openTopic(t);
  await opened.say(numbers(1, 6));
  return opened;
}

/** A handler whose first batch waits to be let go, and that then listens. */
function held(t: TestContext) {
  const { heard, listen } = listener();
  const begun = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  t.after(() => letGo.resolve());
  const handle: BatchHandler = async (records, signal) => {
    begun.resolve();
    await letGo.promise;
    return listen(records, signal);
  };
  return { heard, handle, begun: begun.promise, letGo: letGo.resolve };
}

const silent = createLogger({ service: 'test', level: 'silent' });

function isSorted(values: readonly string[]): boolean {
  return values.every((value, index) => index === 0 || Number(values[index - 1]) < Number(value));
}

// Each test has a topic and a group of its own, and most of them wait most of the time.
describe('a consumer, whatever client library it is made of', { concurrency: 4 }, () => {
  test('that cannot reach Kafka says so, and stops all the same', async () => {
    const { listen } = listener();
    const nowhere = { brokers: ['127.0.0.1:1'], groupId: 'lost', topics: ['none'] };
    const consumer = startConsumer({ ...nowhere, handle: listen, logger: silent });
    assert.match(consumer.trouble() ?? '', /no fetch/);
    const stopsAtMs = Date.now();
    await consumer.stop();
    assert.ok(Date.now() - stopsAtMs < 5_000);
  });

  test('of a new group reads from the beginning, whole records in order, and the next one goes on after them', async (t) => {
    const { topic, say, start, committed } = await topicOfSix(t);
    const seen: string[] = [];
    const handle: BatchHandler = async (records) => {
      for (const { topic: of, key, value, bytes, headers, partition } of records) {
        assert.deepEqual([of, key, bytes?.toString(), headers['ce_id']], [topic, value, value, value]);
        seen.push(`${partition}:${value}`);
      }
      return [];
    };
    const first = start(handle);
    await waitUntil('six records', () => seen.length === 6, joinDeadlineMs);
    assert.equal(first.trouble(), null);
    await say(['7']);
    await waitUntil('the seventh record', () => seen.length === 7, joinDeadlineMs);
    await first.stop();
    assert.equal(await committed(), 7);
    for (const partition of ['0', '1'])
      assert.ok(isSorted(seen.filter((each) => each.startsWith(partition)).map((each) => each.slice(2))));
    await say(['8']);
    start(handle);
    await waitUntil('the eighth record', () => seen.length >= 8, joinDeadlineMs);
    assert.equal(seen.length, 8);
  });

  test('leaves to its successor what it had not handled when it stopped', async (t) => {
    const { start, committed } = await topicOfSix(t);
    const begun = Promise.withResolvers<void>();
    const first = start((_records, signal) => {
      begun.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
    });
    await begun.promise;
    await first.stop();
    assert.equal(await committed(), 0);
    const { heard, listen } = listener();
    start(listen);
    await waitUntil('all six records', () => new Set(heard).size === 6, joinDeadlineMs);
  });

  test('that is stopped finishes the batch in hand, commits it and leaves its group: nobody waits for its session to end', async (t) => {
    const { say, start, committed, members } = await openTopic(t);
    await say(['1']);
    const { heard, handle, begun, letGo } = held(t);
    const first = start(handle);
    await begun;
    const stopped = first.stop();
    letGo();
    await stopped;
    assert.deepEqual([heard, await committed(), await members()], [['1'], 1, []]);
  });

  test('tries again, in order and skipping none, what its handler failed at by an error nobody foresaw', async (t) => {
    const { start } = await topicOfSix(t);
    const { heard, listen } = listener();
    let failures = 0;
    start(async (records, signal) => {
      if (failures++ < 3) throw new TypeError('x is not a function');
      return listen(records, signal);
    });
    await waitUntil('all six records', () => new Set(heard).size === 6, joinDeadlineMs);
  });

  test('whose client gives up for good is replaced, until one gets in', async (t) => {
    const { topic, groupId, start, logger } = await topicOfSix(t);
    const foreign = new Kafka({ brokers: testBrokers(), logLevel: logLevel.NOTHING }).consumer({
      groupId,
      // No client may retry this: the group speaks another protocol as long as such a member is in it.
      partitionAssigners: [
        () => ({
          ...{ name: 'foreign', version: 1, assign: async () => [] },
          protocol: ({ topics }) => ({
            name: 'foreign',
            metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
          }),
        }),
      ],
    });
    await foreign.connect();
    await foreign.subscribe({ topics: [topic] });
    const joined = new Promise((resolve) => void foreign.on(foreign.events.GROUP_JOIN, resolve));
    await foreign.run({ eachMessage: async () => undefined });
    await joined;
    const ends = t.mock.method(logger, 'error');
    const { heard, listen } = listener();
    start(listen);
    await waitUntil('two that gave up', () => ends.mock.callCount() >= 2, joinDeadlineMs);
    assert.deepEqual(heard, []);
    await foreign.disconnect();
    await waitUntil('all six records', () => new Set(heard).size === 6, joinDeadlineMs);
  });

  test('loses nothing when a second one joins in the middle of a batch, and commits nothing before it is handled', async (t) => {
    const { say, start, committed, members } = await topicOfSix(t);
    const { heard, handle, begun, letGo } = held(t);
    start(handle);
    await begun;
    const second = listener();
    start(second.listen);
    await waitUntil('the second to ask for its share', async () => (await members()).length === 2, joinDeadlineMs);
    assert.equal(await committed(), 0);
    letGo();
    let said = 6;
    const sharesWork = async () => {
      await say([String((said += 1))]);
      return heard.length > 0 && second.heard.length > 0;
    };
    await waitUntil('each to handle something', sharesWork, joinDeadlineMs);
    await waitUntil('every record', () => new Set([...heard, ...second.heard]).size === said, joinDeadlineMs);
    await waitUntil('every offset', async () => (await committed()) === said, joinDeadlineMs);
  });

  test('that was paused for so long that its group put it out loses nothing and comes back', async (t) => {
    const { topic, groupId, say, start, committed, members } = await topicOfSix(t);
    const { says, pid } = startMember(t, { topic, groupId, handlingMs: 2_000 });
    const first = await waitUntil('its first batch', () => says.find(({ began }) => began), joinDeadlineMs);
    process.kill(pid, 'SIGSTOP');
    const second = listener();
    start(second.listen);
    await waitUntil('the second to have it all', () => new Set(second.heard).size === 6, joinDeadlineMs);
    process.kill(pid, 'SIGCONT');
    await waitUntil('the first to finish its batch', () => says.some(({ handled }) => handled), joinDeadlineMs);
    assert.deepEqual(
      says.find(({ handled }) => handled !== undefined)?.handled,
      first.began,
      'what was in hand is finished, and is a duplicate that the inbox drops',
    );
    await waitUntil('both to be members', async () => (await members()).length === 2, joinDeadlineMs);
    await say(numbers(7, 40));
    const ofFirst = () => says.flatMap(({ handled }) => handled ?? []);
    await waitUntil('every record', () => new Set([...ofFirst(), ...second.heard]).size === 40, joinDeadlineMs);
    await waitUntil('every offset', async () => (await committed()) === 40, joinDeadlineMs);
  });

  test('stays in its group while it handles one batch for longer than a session, and says so when it takes too long', async (t) => {
    const { say, start, members } = await topicOfSix(t);
    const { heard, handle, begun, letGo } = held(t);
    const consumer = start(handle);
    await begun;
    const before = await members();
    const trouble = await waitUntil('its trouble', () => consumer.trouble(), joinDeadlineMs);
    assert.match(trouble, /none were handled for \d\d s/);
    assert.deepEqual(await members(), before);
    letGo();
    await waitUntil('it to be well again', () => consumer.trouble() === null, joinDeadlineMs);
    await say(['7']);
    await waitUntil('the seventh record', () => heard.includes('7'), joinDeadlineMs);
    assert.equal(heard.length, 7, 'nobody else was given what it had in hand');
  });

  test('that was too long over one batch is well again once that is handled, though more waits behind it', async (t) => {
    const { say, start } = await openTopic(t);
    await say(numbers(1, 1_000));
    const batches: PromiseWithResolvers<void>[] = [];
    const consumer = start(async (_records, signal) => {
      signal.throwIfAborted();
      const batch = Promise.withResolvers<void>();
      batches.push(batch);
      await Promise.race([batch.promise, once(signal, 'abort')]);
      return [];
    });
    await waitUntil('its trouble', () => /none were handled/.test(consumer.trouble() ?? ''), joinDeadlineMs);
    batches[0]?.resolve();
    await waitUntil('its second batch', () => batches.length === 2, joinDeadlineMs);
    assert.equal(consumer.trouble(), null);
  });

  test('hands over no more records at once than fit a transaction', async (t) => {
    const { say, start, committed } = await openTopic(t);
    await say(numbers(1, 1_000));
    const sizes: number[] = [];
    const { heard, listen } = listener();
    start((records, signal) => {
      sizes.push(records.length);
      return listen(records, signal);
    });
    await waitUntil('a thousand records', () => new Set(heard).size === 1_000, joinDeadlineMs);
    assert.equal(Math.max(...sizes), recordsPerTransactionMax);
    await waitUntil('every offset', async () => (await committed()) === 1_000, joinDeadlineMs);
  });

  test('hands over together what it fetched of several partitions', async (t) => {
    const { start } = await topicOfSix(t);
    const partitions: number[][] = [];
    start(async (records) => {
      partitions.push([...new Set(records.map(({ partition }) => partition))].toSorted());
      return [];
    });
    await waitUntil('the records', () => partitions.length > 0, joinDeadlineMs);
    assert.deepEqual(partitions, [[0, 1]]);
  });

  test('whose handler is slow fetches no more than it can hold: the rest waits in Kafka', async (t) => {
    const { topic, groupId, say } = await openTopic(t);
    const { said, bytes } = await sayMuch(say);
    const { says, ask } = startMember(t, { topic, groupId, handlingMs: joinDeadlineMs });
    await waitUntil('its first batch', () => says.some(({ began }) => began), joinDeadlineMs);
    const { heard, listen } = listener();
    const quick = startConsumer({
      brokers: testBrokers(),
      groupId: `quick-${groupId}`,
      topics: [topic],
      handle: listen,
      logger: silent,
    });
    t.after(() => quick.stop());
    await waitUntil('another group to have read all', () => heard.length === said, joinDeadlineMs);
    ask();
    const holds = await waitUntil(
      'its answer',
      () => says.find(({ holdsBytes }) => holdsBytes)?.holdsBytes,
      joinDeadlineMs,
    );
    t.diagnostic(`${holds} of ${bytes} bytes`);
    assert.ok(holds < bytes / 4, `it holds ${holds} of ${bytes} bytes`);
  });

  test('tells how far its group has come, and which partition the Java client chooses for a key', async (t) => {
    const { topic, groupId, start } = await topicOfSix(t);
    const progress = createGroupProgress({ brokers: testBrokers(), groupId });
    t.after(() => progress.close());
    const total = (offsets: Offsets) =>
      [...(offsets.get(topic)?.values() ?? [])].reduce((sum, offset) => sum + offset, 0n);
    const before = await progress.read([topic]);
    assert.deepEqual([total(before.ends), total(before.committed)], [6n, -2n]);
    start(listener().listen);
    await waitUntil(
      'all to be committed',
      async () => total((await progress.read([topic])).committed) === 6n,
      joinDeadlineMs,
    );
    // Kafka's own test vector: murmur2 of '21' is -973932308 (org.apache.kafka.common.utils.UtilsTest).
    assert.equal(progress.partitionOf(topic, '21', before.ends), (-973932308 & 0x7fffffff) % 2);
  });
});

/** 48 MB of records, in batches that fit a fetch: each text is key, value and header. */
async function sayMuch(say: (values: string[]) => Promise<void>): Promise<{ said: number; bytes: number }> {
  const [requests, perRequest, bytesEach] = [200, 10, 8_000];
  for (let request = 0; request < requests; request += 1)
    await say(numbers(1, perRequest).map((each) => each.padEnd(bytesEach, String(request))));
  return { said: requests * perRequest, bytes: requests * perRequest * bytesEach * 3 };
}

/** A member in a process of its own, ended after the test. */
function startMember(
  t: TestContext,
  { topic, groupId, handlingMs }: { topic: string; groupId: string; handlingMs: number },
): { says: MemberSays[]; pid: number; ask: () => void } {
  const program = join(import.meta.dirname, 'group-member-fixture.ts');
  const child = fork(program, [groupId, topic, String(handlingMs)]);
  t.after(() => child.kill('SIGKILL'));
  const says: MemberSays[] = [];
  child.on('message', (message) => says.push(message as MemberSays));
  if (child.pid === undefined) throw new Error('the member did not start');
  return { says, pid: child.pid, ask: () => void child.send('how much?') };
}
