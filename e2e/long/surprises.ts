import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { serviceNames, type ServiceName } from '@sagamart/contracts/topics';
import { createTopics } from '@sagamart/stack/kafka';
import { readSettings } from '@sagamart/stack/settings';
import { controlPart, readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { Kafka } from 'kafkajs';
import { Client } from 'pg';
import { alteredPlaces } from '../altered-places.ts';
import { ownerUrl } from '../owner-url.ts';
import { refundByHand } from '../provider-desk.ts';
import { withTrouble } from '../provider-controls.ts';
import type { ShopUnderTest } from '../shop-under-test.ts';
import { startHealing } from './healing.ts';
import type { SeededRandom } from './seeded-random.ts';
import { strangeRecords } from './strange-records.ts';

/** What nobody expects of the world around a shop. It resolves when the world is as before, with the keys of the messages that the shop has to set aside for it. */
export type Surprise = (world: World) => Promise<readonly string[]>;

export type World = ShopUnderTest & {
  readonly kafka: Kafka;
  readonly random: SeededRandom;
  readonly token: string;
  /** When the storm began. */
  readonly since: Date;
};

const troubleMs = 8_000;
const toldWithinMs = 20_000;
const undoneWithinMs = 30_000;

/** Faults from outside, at least one of each kind, by what happens. Where and how is drawn. */
export const surprises: Readonly<Record<string, Surprise>> = {
  ...strangeRecords,

  'a day without a partition': nothingSetAside(async ({ shop, random }) => {
    await asOwner(shop, random.one(serviceNames), async (owner) => {
      for (const table of ['inbox', 'outbox'])
        await owner.query(`do $$ begin execute format('alter table ${table} detach partition %I',
          '${table}_' || to_char(now() at time zone 'utc', 'YYYY_MM_DD')); end $$`);
    });
  }),

  'a topic that is lost and made anew': nothingSetAside(async ({ kafka, since }) => {
    const topic = 'notification.events';
    const admin = kafka.admin();
    await admin.connect();
    try {
      await admin.deleteTopics({ topics: [topic] });
      const isGone = async () => !(await admin.listTopics()).includes(topic);
      await waitUntil('the topic is gone', isGone, toldWithinMs);
      await createTopics(readSettings(), () => undefined);
    } finally {
      await admin.disconnect();
    }
    // What was said in the meantime may have gone to the old one.
    await pause(troubleMs);
    assert.equal(await startHealing('notification', since).code(), 0);
  }),

  'a right that is revoked for some seconds': nothingSetAside(async ({ shop, random }) => {
    const service = random.one(serviceNames);
    const { right } = alteredPlaces[service];
    await asOwner(shop, service, async (owner) => {
      await owner.query(`revoke ${right} from ${service}_app`);
      try {
        await pause(troubleMs);
      } finally {
        await owner.query(`grant ${right} to ${service}_app`);
      }
    });
  }),

  'a column of another type': nothingSetAside(async ({ shop, random }) => {
    const service = random.one(serviceNames);
    const { column, was, becomes } = alteredPlaces[service];
    await asOwner(shop, service, async (owner) => {
      for (const type of [becomes, was]) {
        await owner.query(`alter table ${column[0]} alter ${column[1]} type ${type}`);
        await pause(troubleMs / 2);
      }
    });
  }),

  'a provider on a bad day': nothingSetAside(async ({ shop, random }) => {
    const troubles = [
      ...(['wrong_amount', 'unknown_status', 'bad_json'] as const).map((nonsense) => ({ nonsense })),
      ...[{ down: true }, { errorRate: 0.5 }, { lostReplies: 20 }, { latencyMs: 3_000 }],
    ];
    await withTrouble(shop, random.one(troubles), () => pause(troubleMs));
  }),

  'a refund that was made by hand before ours': nothingSetAside(async ({ shop, client, token }) => {
    const sku = await client.createProduct({ stock: 1 });
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const { orderId } = await client.placeOrder(token, order);
    await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed', undoneWithinMs);
    await refundByHand(shop, orderId);
    assert.equal((await client.cancelOrder(token, orderId)).status, 202);
    await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'refunded', undoneWithinMs);
  }),

  'a mail server that is away': nothingSetAside(async ({ shop }) => {
    await controlPart(shop.home, 'mail', 'stop');
    await pause(troubleMs);
    await controlPart(shop.home, 'mail', 'start');
  }),

  'a healing behind a long transaction, which is broken off': nothingSetAside(async ({ shop, random }) => {
    const service = random.one(serviceNames);
    const saidSince = new Date(Date.now() - troubleMs);
    await asOwner(shop, service, async (holder) => {
      await holder.query('begin; select pg_current_xact_id()');
      const broken = startHealing(service, saidSince);
      await broken.says(/waits for pid/);
      broken.breakOff();
      assert.equal(await broken.code(), 130);
      await holder.query('rollback');
    });
    assert.equal(await startHealing(service, saidSince).code(), 0);
  }),

  'a process that stands still': nothingSetAside(async ({ shop, random }) => {
    const victim = random.one(serviceNames);
    await controlPart(shop.home, victim, 'pause');
    const isTold = async () =>
      (await readShopStatus(shop.home)).parts.some(({ name, state }) => name === victim && state !== 'running');
    try {
      await waitUntil(`the status to tell that ${victim} stands still`, isTold, toldWithinMs);
    } finally {
      await controlPart(shop.home, victim, 'resume');
    }
  }),

  'nonsense at the door': nothingSetAside(async ({ client, token, random }) => {
    const headers = {
      'x-forwarded-for': random.one(['1.2.3.4:5', '[::1]:80', 'unknown', '1.2.3.4, , x', ','.repeat(4_000)]),
      traceparent: random.one([`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, `00-${'0'.repeat(32)}-0-00`, 'x']),
    };
    const answers = [
      await client.call('GET', '/v1/orders?limit=true', { token, headers }),
      await client.call('POST', '/v1/orders', { token, headers, raw: 'x'.repeat(3_000_000) }),
      await client.call('GET', '/v1/orders/%E0%A4%A', { token, headers }),
      await client.call('POST', '/v1/sessions', { headers, raw: '{"email":' }),
    ];
    for (const { status, text } of answers) assert.ok(status >= 400 && status < 500, `${status} ${text}`);
  }),
};

function nothingSetAside(happen: (world: World) => Promise<void>): Surprise {
  return async (world) => {
    await happen(world);
    return [];
  };
}

async function asOwner(
  shop: ShopUnderTest['shop'],
  service: ServiceName,
  work: (owner: Client) => Promise<void>,
): Promise<void> {
  const owner = new Client({ connectionString: ownerUrl(shop, service) });
  await owner.connect();
  try {
    await work(owner);
  } finally {
    await owner.end();
  }
}
