import assert from 'node:assert/strict';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { listener, openTopic } from './topic-fixture.ts';

const deadlineMs = 90_000;
// What the title says, and two seconds of a crowded machine.
const noticedWithinMs = 17_000;
// It gives up after 4 s. Left alone the client takes 20 s.
const stopsWithinMs = 8_000;

/** A consumer that has heard a record, and whose connections then die. */
async function darkConsumer(t: TestContext) {
  const { say, start, logger } = await openTopic(t);
  const connects = t.mock.method(net, 'connect');
  const { heard, listen } = listener();
  const consumer = start(listen);
  await say(['1']);
  await waitUntil('the first record', () => heard.includes('1'), deadlineMs);
  connects.mock.restore();
  // What firewalls and vanished machines do: nothing is refused, nothing arrives.
  for (const { result } of connects.mock.calls) result?.pause();
  return { consumer, heard, say, logger };
}

test('a connection that dies without a word is noticed within 15 s and given up for a new one', async (t) => {
  const { consumer, heard, say, logger } = await darkConsumer(t);
  const ends = t.mock.method(logger, 'error');
  await say(['2']);
  assert.match(await waitUntil('it to be noticed', () => consumer.trouble(), deadlineMs), /no fetch/);
  assert.ok(consumer.silentForMs() < noticedWithinMs);
  await waitUntil('the second record', () => heard.includes('2'), deadlineMs);
  assert.equal(consumer.trouble(), null);
  // Left alone the client would have gone on with the dead connection for more than a minute.
  assert.match(inspect(ends.mock.calls.map((call) => call.arguments)), /has not fetched for 20 s/);
});

test('a consumer that cannot leave its group, for its connection died without a word, stops all the same', async (t) => {
  const { consumer } = await darkConsumer(t);
  const stopsAtMs = Date.now();
  await consumer.stop();
  assert.ok(Date.now() - stopsAtMs < stopsWithinMs);
});
