import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listener, numbers, openTopic } from '@sagamart/service-kit/topic-fixture';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { kafkaBroker } from './addresses.ts';
import { kafkaPart } from './kafka.ts';
import { readSettings } from './settings.ts';
import { endBeforeHome, freshHome } from './stack-test-kit.ts';
import { Supervisor } from './supervisor.ts';
import { freePort } from './test-servers.ts';

const backDeadlineMs = 90_000;

test('a consumer goes on after its broker was killed, and while it is away tells its trouble', async (t) => {
  const home = freshHome(t);
  const ports = { KAFKA_PORT: await freePort(), KAFKA_CONTROLLER_PORT: await freePort() };
  const settings = readSettings({ ...process.env, ...ports, SAGAMART_HOME: home });
  const supervisor = new Supervisor([kafkaPart(settings)], home);
  endBeforeHome(home, () => supervisor.stop());
  await supervisor.start();
  const broker = supervisor.runner('kafka');

  const { say, start, committed } = await openTopic(t, [kafkaBroker(settings)]);
  const { heard, listen } = listener();
  const consumer = start(listen);
  const hears = async (count: number) => {
    await waitUntil(`${count} records`, () => new Set(heard).size === count, backDeadlineMs);
    // What the test wrote while the broker was starting may stand there twice.
    await waitUntil(`${count} offsets`, async () => (await committed()) >= count, backDeadlineMs);
    assert.equal(consumer.trouble(), null);
  };
  await say(numbers(1, 20));
  await hears(20);

  await broker.kill({ leave: false });
  await say(numbers(21, 40));
  await hears(40);

  await broker.kill({ leave: true });
  await waitUntil('the consumer to tell', () => consumer.trouble(), backDeadlineMs);
  await supervisor.startPart('kafka');
  await say(numbers(41, 60));
  await hears(60);
  await consumer.stop();
});
