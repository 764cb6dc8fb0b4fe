import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startLoad } from '@sagamart/bench/load';
import { readOutboxSlot } from '@sagamart/service-kit/outbox-slot';
import { resumeConnector, stopConnector } from '@sagamart/stack/connector-position';
import { healOutbox } from '@sagamart/stack/heal';
import { readSettings } from '@sagamart/stack/settings';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const settings = readSettings();

const alarmDeadlineMs = 30_000;
const healingDeadlineMs = 20_000;
const steady = { kind: 'steady', ratePerSecond: 10, seconds: 60 } as const;

test('what a service says after its slot was dropped, under load, is published by one command, though it was broken off before: once, and in order', async () => {
  const { load, over, stop } = await startLoad(shop, steady);
  try {
    await waitUntil('orders are placed', () => load.accepted.length > 10);
    await stopConnector(settings, 'order');
    await dropSlot();
    await resumeConnector(settings, 'order');
    const isSeen = async () => {
      const { parts } = await readShopStatus(shop.home);
      return parts.some(({ detail }) => detail?.includes('npm run stack -- heal order'));
    };
    await waitUntil('the lost slot is an alarm', isSeen, alarmDeadlineMs);
    await breakOffHealing();
    await healOutbox(settings, 'order', { say: () => undefined });
  } finally {
    stop();
    client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
  }
  await waitForRest(books, client.accepted);
  const { orders } = await books.read();
  const statuses = new Map(orders.map(({ orderId, status }) => [orderId, status]));
  assert.deepEqual(
    client.accepted.filter((orderId) => statuses.get(orderId) !== 'confirmed'),
    [],
  );
  assert.ok(client.accepted.length > 20, `${client.accepted.length} orders were placed`);
});

test('what is said again, though nothing was lost, is published once more as it was and changes nothing', async () => {
  const { records } = await books.read();
  const since = new Date(0);
  await healOutbox(settings, 'inventory', { since, say: () => undefined });
  const said = records.filter(({ topic }) => topic === 'inventory.events' || topic === 'catalog.events');
  const ids = new Set(said.map(({ id }) => id)).size;
  const again = async () => (await books.read()).records.length - records.length;
  assert.equal(await waitUntil('all of it is published again', async () => (await again()) >= ids && again()), ids);
});

async function dropSlot(): Promise<void> {
  await asOwner((owner) => owner.query(`select pg_drop_replication_slot('outbox')`));
}

/** Ends the connection of a healing while everything is written again and not yet committed. */
async function breakOffHealing(): Promise<void> {
  await asOwner(async (holder) => {
    // The last that a healing writes to. A lock on rows would hold up the making of its slot already.
    await holder.query('begin; lock table outbox_slot in share mode');
    const broken = assert.rejects(healOutbox(settings, 'order', { say: () => undefined }), /terminating connection/);
    const isEnded = () => asOwner(async (owner) => (await owner.query(endHealingSql)).rowCount === 1);
    await waitUntil('all is written again', isEnded, healingDeadlineMs);
    await broken;
    assert.equal((await readOutboxSlot(holder)).state, 'made_again');
  });
}

const endHealingSql = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'heal' and wait_event_type = 'Lock'
    and pid in (select pid from pg_locks where relation = 'outbox'::regclass and mode = 'RowExclusiveLock')`;

async function asOwner<T>(work: (owner: Client) => Promise<T>): Promise<T> {
  const owner = new Client({ connectionString: ownerUrl(shop, 'order') });
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}
