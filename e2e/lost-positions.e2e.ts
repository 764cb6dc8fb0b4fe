import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Books } from '@sagamart/auditor/books';
import { subscriptions } from '@sagamart/auditor/saga-map';
import { serviceNames, type ServiceName } from '@sagamart/contracts/topics';
import { forgetPosition, resumeConnector, stopConnector } from '@sagamart/stack/connector-position';
import { readSettings } from '@sagamart/stack/settings';
import { controlPart } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const settings = readSettings();

const orders = 10;
const rereadDeadlineMs = 90_000;

test('orders that are placed while Connect loses its positions are all confirmed, without a command', async () => {
  const sku = await client.createProduct({ stock: 3 * orders });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const placed: string[] = [];
  const placeMany = async () => {
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const accepted = await Promise.all(Array.from({ length: orders }, () => client.placeOrder(token, order)));
    placed.push(...accepted.map(({ orderId }) => orderId));
  };
  await placeMany();
  await Promise.all([placeMany(), ...serviceNames.map((service) => stopConnector(settings, service))]);
  try {
    await placeMany();
    for (const service of serviceNames) await forgetPosition(settings, service);
  } finally {
    for (const service of serviceNames) await resumeConnector(settings, service);
  }
  for (const orderId of placed) await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed', 60_000);
  assert.equal(await client.available(sku), 0);
});

test('services that hear everything again from the start change nothing', async () => {
  const sku = await client.createProduct({ stock: orders });
  const { token } = await client.openSession({ email: 'grace@example.com' });
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  await Promise.all(Array.from({ length: orders }, () => client.placeOrder(token, order)));
  await waitForRest(books);
  const before = await books.read();

  const admin = new Kafka({ brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await Promise.all(serviceNames.map((service) => controlPart(shop.home, service, 'stop')));
    // A group without positions begins at zero.
    await admin.deleteGroups([...serviceNames]);
    await Promise.all(serviceNames.map((service) => controlPart(shop.home, service, 'start')));
    for (const service of serviceNames)
      await waitUntil(`${service} has heard everything again`, () => hasReadAll(admin, service), rereadDeadlineMs);
  } finally {
    await admin.disconnect();
  }
  await waitForRest(books);
  const now = await books.read();
  const changed = (Object.keys(before) as (keyof Books)[]).filter(
    (part) => !isDeepStrictEqual(now[part], before[part]),
  );
  assert.deepEqual(changed, []);
});

/** Whether a service's group has committed the end of every partition it hears. */
async function hasReadAll(admin: Admin, service: ServiceName): Promise<boolean> {
  const topics = [...subscriptions[service]];
  const read = await admin.fetchOffsets({ groupId: service, topics });
  const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  return ends.every((partitions, index) =>
    partitions.every(({ partition, high }) => {
      const committed = read[index]?.partitions.find((each) => each.partition === partition)?.offset;
      return high === '0' || committed === high;
    }),
  );
}
