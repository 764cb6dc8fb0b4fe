import { test } from 'node:test';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import { openTopic, testBrokers } from './topic-fixture.ts';

test('a clock that was two days ahead for a moment does not stop the client telling its group that it lives', async (t) => {
  const { topic, groupId } = await openTopic(t);
  const right = Date.now.bind(Date);
  let aheadMs = 0;
  t.mock.method(Date, 'now', () => right() + aheadMs);
  const consumer = new Kafka({ brokers: testBrokers(), logLevel: logLevel.NOTHING }).consumer({
    groupId,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 200,
  });
  let beats = 0;
  consumer.on(consumer.events.HEARTBEAT, () => void (beats += 1));
  t.after(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  await consumer.run({ eachMessage: async () => undefined });
  const another = (when: string): Promise<unknown> => {
    const before = beats;
    return waitUntil(`a heartbeat ${when}`, () => beats > before + 1, 20_000);
  };
  await another('before');
  aheadMs = 172_800_000;
  await another('meanwhile');
  aheadMs = 0;
  await another('after');
});
