import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startLoad } from '@sagamart/bench/load';
import { serviceNames, type ServiceName } from '@sagamart/contracts/topics';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { alteredPlaces } from './altered-places.ts';
import { ownerUrl } from './owner-url.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const owners = await openOwners();

const ratePerSecond = 8;
const alarmWithinMs = 30_000;
const atRestWithinMs = 15_000;
const pausedFor5s = /paused for [5-9] s.*42501 permission denied/;
const dayMs = 86_400_000;

test('a column whose type changes under load costs no order and no message, in any service', async () => {
  const parkedBefore = await countParked();
  const { over, load, stop } = await startLoad(shop, { kind: 'steady', ratePerSecond, seconds: 60 }, { isTold: false });
  const grown = (more: number) => {
    const end = load.accepted.length + more;
    return waitUntil(`${end} orders are accepted`, () => load.accepted.length >= end, 30_000);
  };
  try {
    await grown(10);
    for (const service of serviceNames) await setType(service, 'becomes');
    await grown(10);
    for (const service of serviceNames) await setType(service, 'was');
    await grown(10);
  } finally {
    stop();
  }
  await assertAllConfirmed(await over, parkedBefore);
});

test('a right that is revoked under load, in one service after the other, is told as one alarm and costs no order', async () => {
  const parkedBefore = await countParked();
  const { over, stop } = await startLoad(shop, { kind: 'steady', ratePerSecond, seconds: 120 }, { isTold: false });
  try {
    for (const service of serviceNames) {
      const { right } = alteredPlaces[service];
      await owners[service].query(`revoke ${right} from ${service}_app`);
      try {
        await waitUntil(`${service} says so`, () => says(service, pausedFor5s), alarmWithinMs);
      } finally {
        await owners[service].query(`grant ${right} to ${service}_app`);
      }
    }
  } finally {
    stop();
  }
  await assertAllConfirmed(await over, parkedBefore);
  for (const service of serviceNames)
    await waitUntil(`the alarm of ${service} is over`, async () => !(await says(service, /paused/)), alarmWithinMs);
});

/** Within 15 s from now every order is confirmed and at rest; nothing was parked meanwhile, not even for a moment. */
async function assertAllConfirmed({ accepted }: Awaited<ReturnType<typeof startLoad>>['load'], parkedBefore: number) {
  const fromMs = Date.now() - dayMs;
  const isAtRest = async () => (await books.readUnmet({ fromMs, beforeMs: Date.now() + dayMs })).length === 0;
  await waitUntil('all orders are at rest', isAtRest, atRestWithinMs);
  client.accepted.push(...accepted.map(({ orderId }) => orderId));
  const { rows } = await owners.order.query<{ status: string; orders: string }>(
    'select status, count(*) as orders from orders where order_id = any($1) group by status',
    [accepted.map(({ orderId }) => orderId)],
  );
  assert.deepEqual(rows, [{ status: 'confirmed', orders: String(accepted.length) }]);
  assert.equal(await countParked(), parkedBefore);
}

async function setType(service: ServiceName, to: 'was' | 'becomes'): Promise<void> {
  const { column, ...types } = alteredPlaces[service];
  await owners[service].query(`alter table ${column[0]} alter ${column[1]} type ${types[to]}`);
}

/** Whether the status of the shop says this beside a service. */
async function says(service: ServiceName, words: RegExp): Promise<boolean> {
  const part = (await readShopStatus(shop.home)).parts.find(({ name }) => name === service);
  return words.test(part?.detail ?? '');
}

/** How many messages have ever been parked. */
async function countParked(): Promise<number> {
  let sum = 0;
  for (const service of serviceNames) {
    const { rows } = await owners[service].query<{ many: string }>('select count(*) as many from parked_messages');
    sum += Number(rows[0]?.many);
  }
  return sum;
}

async function openOwners(): Promise<Record<ServiceName, Client>> {
  const opened = serviceNames.map((service) => [service, new Client(ownerUrl(shop, service))] as const);
  for (const [, owner] of opened) await owner.connect();
  after(() => Promise.all(opened.map(([, owner]) => owner.end())));
  return Object.fromEntries(opened) as Record<ServiceName, Client>;
}
