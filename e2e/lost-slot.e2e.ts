import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumeConnector, stopConnector } from '@sagamart/stack/connector-position';
import { healOutbox } from '@sagamart/stack/heal';
import { readSettings } from '@sagamart/stack/settings';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const settings = readSettings();

const alarmDeadlineMs = 30_000;

test('what a service says after its slot was dropped, under load, is published by one command: once, and in order', async () => {
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const sku = await client.createProduct({ stock: 1_000 });
  const placed: string[] = [];
  const over = new AbortController();
  const load = (async () => {
    while (!over.signal.aborted)
      placed.push(
        (await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' })).orderId,
      );
  })();
  try {
    await waitUntil('orders are placed', () => placed.length > 10);
    await stopConnector(settings, 'order');
    await dropSlot();
    await resumeConnector(settings, 'order');
    const isSeen = async () => {
      const { parts } = await readShopStatus(shop.home);
      return parts.some(({ detail }) => detail?.includes('npm run stack -- heal order'));
    };
    await waitUntil('the lost slot is an alarm', isSeen, alarmDeadlineMs);
    await healOutbox(settings, 'order', { say: () => undefined });
  } finally {
    over.abort();
    await load;
  }
  for (const orderId of placed) await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed', 60_000);
  assert.ok(placed.length > 20, `${placed.length} orders were placed`);
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
  const owner = new Client({ connectionString: ownerUrl(shop, 'order') });
  await owner.connect();
  try {
    await owner.query(`select pg_drop_replication_slot('outbox')`);
  } finally {
    await owner.end();
  }
}
