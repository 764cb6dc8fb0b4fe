import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaRecord } from '@sagamart/contracts/cloud-event';
import { eventTypes } from '@sagamart/contracts/events';
import type { Shop } from '@sagamart/stack/shop';
import { Ajv } from 'ajv';
import { Client } from 'pg';
import { readPublished, type PublishedMessage } from './published-messages.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

// Its name puts it last of the suite: what it reads is what all other tests made the shop say.

const { client, books, shop } = await enterShop();

test('whatever stands on the topics is as /asyncapi.json describes it, is parked, or repeats what is', async () => {
  const sku = await client.createProduct({ stock: 3 });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  for (const [paymentMethod, quantity] of [
    ['tok_visa', 1],
    ['tok_declined', 1],
    ['tok_visa', 9],
  ] as const)
    await client.placeOrder(token, { lines: [{ sku, quantity }], paymentMethod });
  const refunded = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  await client.orderWhere(token, refunded.orderId, ({ status }) => status === 'confirmed');
  await client.cancelOrder(token, refunded.orderId);
  await waitForRest(books);

  const isAsDescribed = readDescription((await client.call('GET', '/asyncapi.json')).body as Description);
  const parkedPlaces = await readParkedPlaces(shop);
  const onTopics = await readPublished(shop.kafkaBrokers);
  const parked = new Set(onTopics.filter(({ place }) => parkedPlaces.has(place)).map(identityOf));
  const published = onTopics.filter((message) => !parkedPlaces.has(message.place) && !parked.has(identityOf(message)));
  assert.deepEqual(
    published.filter((message) => !isAsDescribed(message)),
    [],
  );

  for (const type of Object.keys(eventTypes)) {
    const message = published.find(({ headers }) => headers['ce_type'] === type);
    assert.ok(message, `nobody said ${type}`);
    const { ce_lamport: _, ...headers } = message.headers;
    assert.deepEqual(
      [
        { ...message, headers },
        { ...message, value: '{}' },
      ].filter(isAsDescribed),
      [],
    );
  }
});

type Description = { channels: Record<string, { messages: Record<string, { $ref: string }> }> };

/** Whether a message of a topic is one of those that the document has for it, in headers and data. */
function readDescription(document: Description): (message: KafkaRecord) => boolean {
  const ajv = new Ajv({ strict: false }).addSchema(document, 'asyncapi');
  return ({ topic, headers, value }) => {
    const message = document.channels[topic]?.messages[headers['ce_type'] ?? ''];
    if (message === undefined) return false;
    const read = (part: string) => ajv.getSchema(`asyncapi${message.$ref}/${part}`);
    return read('headers')?.(headers) === true && read('payload')?.(JSON.parse(value ?? '')) === true;
  };
}

/** What a consumer knows a repetition by; its own place where it has no id. */
function identityOf({ topic, key, headers, place }: PublishedMessage): string {
  return JSON.stringify([topic, key, headers['ce_id'] ?? place]);
}

async function readParkedPlaces(from: Shop): Promise<Set<string>> {
  const sql = "select topic || ' ' || kafka_partition || ' ' || kafka_offset as place from parked_messages";
  const found = await Promise.all(
    Object.values(from.auditorUrls).map(async (connectionString) => {
      const db = new Client({ connectionString });
      await db.connect();
      try {
        return (await db.query<{ place: string }>(sql)).rows;
      } finally {
        await db.end();
      }
    }),
  );
  return new Set(found.flat().map(({ place }) => place));
}
