import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { controlPart, readShopStatus } from '@sagamart/stack/shop';
import { eventOf, recordOf } from '@sagamart/test-kit/event-builder';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { CompressionTypes, type Kafka, type Message } from 'kafkajs';
import { Client } from 'pg';
import { ownerUrl } from '../owner-url.ts';
import { withTrouble } from '../provider-controls.ts';
import { followRunbook } from '../runbook.ts';
import type { ShopUnderTest } from '../shop-under-test.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What nobody expects of the world around a shop. It resolves when the world is as before, with the keys of the messages that the shop has to set aside for it. */
export type Surprise = (world: World) => Promise<readonly string[]>;

export type World = ShopUnderTest & { readonly kafka: Kafka; readonly random: SeededRandom; readonly token: string };

// Only the order service reads it, so that each of these is set aside once.
const topic = 'payment.events';
const troubleMs = 8_000;
const toldWithinMs = 20_000;
const dayMs = 86_400_000;

/** One of each kind of fault from outside, by the name of its kind. */
export const surprises: Readonly<Record<string, Surprise>> = {
  'a record that is small and large unpacked': async (world) => {
    await write(world, [{ key: newId<OrderId>(), value: Buffer.alloc(20 * 1024 * 1024, 0x20) }], CompressionTypes.GZIP);
    // Its key is packed with it, and so nobody knows it.
    return [''];
  },

  'a record with twenty thousand headers': (world) => {
    const headers = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`retry-${index}`, 'x']));
    return write(world, [{ key: newId<OrderId>(), value: '{}', headers }]);
  },

  'a correlation id that no outbox could publish': (world) =>
    write(world, [forged({ ce_correlationid: 'c'.repeat(900_000) })], CompressionTypes.GZIP),

  'the highest Lamport time': (world) => write(world, [forged({ ce_lamport: '999999999999999' })]),

  'an id that was minted in two days': (world) => {
    const hex = (Date.now() + 2 * dayMs).toString(16).padStart(12, '0');
    return write(world, [forged({ ce_id: `${hex.slice(0, 8)}-${hex.slice(8)}${newId<EventId>().slice(13)}` })]);
  },

  'a right that is revoked for some seconds': async ({ shop }) => {
    await asOwner(ownerUrl(shop, 'payment'), async (owner) => {
      await owner.query('revoke update on payments from payment_app');
      try {
        await pause(troubleMs);
      } finally {
        await owner.query('grant update on payments to payment_app');
      }
    });
    return [];
  },

  'a column of another type': async ({ shop }) => {
    await asOwner(ownerUrl(shop, 'order'), async (owner) => {
      await owner.query('alter table orders alter traceparent type varchar(100)');
      await pause(troubleMs);
      await owner.query('alter table orders alter traceparent type text');
    });
    return [];
  },

  'a provider that makes no sense': async ({ shop }) => {
    await withTrouble(shop, { nonsense: 'bad_json' }, () => pause(troubleMs));
    return [];
  },

  'a mail server that is away': async ({ shop }) => {
    await controlPart(shop.home, 'mail', 'stop');
    await pause(troubleMs);
    await controlPart(shop.home, 'mail', 'start');
    return [];
  },

  "somebody's transactions": async ({ kafka }) => {
    const keys: string[] = [];
    for (const end of ['commit', 'abort'] as const) {
      const producer = kafka.producer({
        ...{ transactionalId: newId<EventId>(), idempotent: true, maxInFlightRequests: 1 },
        retry: { retries: 20 },
      });
      await producer.connect();
      const transaction = await producer.transaction();
      const key = newId<OrderId>();
      await transaction.send({ topic, messages: [{ key, value: end }] });
      keys.push(key);
      await pause(troubleMs / 2);
      await transaction[end]();
      await producer.disconnect();
    }
    return keys;
  },

  'a healing that was not needed': async () => {
    await followRunbook('lost-slot', 'npm run stack -- heal <service>', { service: 'notification' });
    return [];
  },

  'a process that stands still': async ({ shop }) => {
    await controlPart(shop.home, 'inventory', 'pause');
    const isTold = async () =>
      (await readShopStatus(shop.home)).parts.some(({ name, state }) => name === 'inventory' && state !== 'running');
    try {
      await waitUntil('the status to say so', isTold, toldWithinMs);
    } finally {
      await controlPart(shop.home, 'inventory', 'resume');
    }
    return [];
  },

  'nonsense at the door': async ({ client, token }) => {
    const headers = { 'x-forwarded-for': '1.2.3.4:5', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    const answers = [
      await client.call('GET', '/v1/orders?limit=true', { token, headers }),
      await client.call('POST', '/v1/orders', { token, headers, raw: 'x'.repeat(3_000_000) }),
      await client.call('GET', '/v1/orders/%E0%A4%A', { token }),
      await client.call('POST', '/v1/sessions', { raw: '{"email":' }),
    ];
    for (const { status, text } of answers) assert.ok(status >= 400 && status < 500, `${status} ${text}`);
    return [];
  },
};

type Written = Message & { readonly key: string };

/** A record in the form of an event that payment did not say, of an order that nobody knows. */
function forged(headers: Record<string, string>): Written {
  const orderId = newId<OrderId>();
  const event = recordOf(eventOf({ type: 'payment.declined', data: { orderId, declineReason: 'forged' } }));
  const ours = Object.entries(event.headers).filter((each): each is [string, string] => each[1] !== undefined);
  return { key: orderId, value: event.value, headers: { ...Object.fromEntries(ours), ...headers } };
}

async function write(
  { kafka }: World,
  messages: Written[],
  compression: CompressionTypes = CompressionTypes.None,
): Promise<string[]> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, messages, compression });
  } finally {
    await producer.disconnect();
  }
  return messages.map(({ key }) => key);
}

async function asOwner(connectionString: string, work: (owner: Client) => Promise<void>): Promise<void> {
  const owner = new Client({ connectionString });
  await owner.connect();
  try {
    await work(owner);
  } finally {
    await owner.end();
  }
}
