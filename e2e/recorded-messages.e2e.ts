import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subscriptions } from '@sagamart/auditor/saga-map';
import { serviceNames } from '@sagamart/contracts/topics';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { readPublished, type PublishedMessage } from './published-messages.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();

const recorded = 20;
const heardDeadlineMs = 30_000;

test(`${recorded} messages of finished orders, produced again as they were, twice, are counted as duplicates and leave no row anywhere`, async () => {
  const sku = await client.createProduct({ stock: 10 });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const order = { lines: [{ sku, quantity: 1 }] };
  const placed = await Promise.all(
    ['tok_visa', 'tok_visa', 'tok_declined', 'tok_flaky'].map((paymentMethod) =>
      client.placeOrder(token, { ...order, paymentMethod }),
    ),
  );
  await waitForRest(books);
  const orderIds = new Set(placed.map(({ orderId }) => orderId));
  const messages = (await readPublished(shop.kafkaBrokers)).filter(({ key }) => key !== null && orderIds.has(key));
  const again = messages.slice(0, recorded);
  assert.equal(again.length, recorded);

  const rowsBefore = await countRows();
  const duplicatesBefore = await readDuplicates();
  await produce([...again, ...again]);
  for (const service of serviceNames) {
    const heard = again.filter(({ topic }) => subscriptions[service].some((each) => each === topic)).length;
    const counted = async () => ((await readDuplicates())[service] ?? 0) - (duplicatesBefore[service] ?? 0);
    await waitUntil(
      `${service} counts ${2 * heard} duplicates`,
      async () => (await counted()) === 2 * heard,
      heardDeadlineMs,
    );
  }
  assert.deepEqual(await countRows(), rowsBefore);
});

/** Each to the partition where it stands, with its key, its value and its headers. */
async function produce(messages: readonly PublishedMessage[]): Promise<void> {
  const producer = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING }).producer(
    {
      allowAutoTopicCreation: false,
    },
  );
  await producer.connect();
  try {
    for (const { topic, place, key, value, headers } of messages) {
      const given = Object.entries(headers).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]]));
      const message = { partition: Number(place.split(' ')[1]), key, value, headers: Object.fromEntries(given) };
      await producer.send({ topic, messages: [message] });
    }
  } finally {
    await producer.disconnect();
  }
}

/** `<service> <table>` → how many rows, of every table of every service. */
async function countRows(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const service of serviceNames) {
    const database = new Client({ connectionString: shop.auditorUrls[service] });
    await database.connect();
    try {
      const { rows: tables } = await database.query<{ name: string }>(
        "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition",
      );
      for (const { name } of tables) {
        const { rows } = await database.query<{ count: string }>(`select count(*) from ${name}`);
        counts[`${service} ${name}`] = Number(rows[0]?.count);
      }
    } finally {
      await database.end();
    }
  }
  return counts;
}

/** How many duplicates each service has counted since it was started. */
async function readDuplicates(): Promise<Record<string, number>> {
  const { parts } = await readShopStatus(shop.home);
  const counts: Record<string, number> = {};
  for (const { name, url } of parts.filter((part) => serviceNames.some((service) => service === part.name))) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const lines = metrics.matchAll(/^sagamart_messages_total\{[^}]*result="duplicate"[^}]*\} (\d+)/gm);
    counts[name] = [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
  }
  return counts;
}
