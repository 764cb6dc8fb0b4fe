import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUp, readConnectors } from '@sagamart/stack/connectors';
import { healOutbox } from '@sagamart/stack/heal';
import type { PartName, PartStatus } from '@sagamart/stack/part';
import { readSettings } from '@sagamart/stack/settings';
import { controlPart, readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const settings = readSettings();
const { token } = await client.openSession({ email: 'ada@example.com' });
const sku = await client.createProduct({ stock: 10 });
const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };

const toldWithinMs = 20_000;
const wellWithinMs = 45_000;
const shortMs = 4_000;

async function partOf(name: PartName): Promise<PartStatus | undefined> {
  return (await readShopStatus(shop.home)).parts.find((part) => part.name === name);
}

async function told(name: PartName, words: RegExp, state = 'unhealthy'): Promise<void> {
  let last: PartStatus | undefined;
  const isTold = async () => {
    last = await partOf(name);
    return last?.state === state && words.test(last.detail ?? '');
  };
  await waitUntil(`${name} is ${state}, ${words}`, isTold, toldWithinMs).catch((error: unknown) => {
    throw new Error(`${String(error)}; it is ${last?.state}: ${last?.detail}`, { cause: error });
  });
  assert.equal((await readShopStatus(shop.home)).state, state === 'running' ? 'running' : 'degraded');
}

async function isWell(): Promise<void> {
  let status = await readShopStatus(shop.home);
  const look = async () => {
    status = await readShopStatus(shop.home);
    return status.state === 'running' && status.parts.every(({ detail }) => detail === undefined);
  };
  await waitUntil('the shop is well and says nothing', look, wellWithinMs).catch((error: unknown) => {
    throw new Error(JSON.stringify(status.parts.filter(({ detail }) => detail !== undefined)), { cause: error });
  });
}

async function asOwner<T>(work: (owner: Client) => Promise<T>): Promise<T> {
  const owner = new Client({ connectionString: ownerUrl(shop, 'order'), application_name: 'report' });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}

test('a connector that tries again for ever is told within 20 s with its reason, at the service that is not heard as well', async () => {
  await asOwner(async (owner) => {
    try {
      await owner.query('revoke connect on database order_db from order_debezium');
      await owner.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'order_debezium'`);
      await told('connect', /order-outbox.*permission denied for database/);
      await told('order', /outbox not published/, 'running').catch(async (error: unknown) => {
        // The shop as a whole is degraded, for Connect is.
        assert.match((await partOf('order'))?.detail ?? String(error), /outbox not published/);
      });
    } finally {
      await owner.query('grant connect on database order_db to order_debezium');
    }
  });
  await isWell();
  const { orderId } = await client.placeOrder(token, order);
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
});

test('a service that is not ready is told with its reason, and a restart of it ends at its limit and says why', async () => {
  await controlPart(shop.home, 'payment-db', 'stop');
  try {
    await told('payment', /database|ECONNREFUSED|terminat|connect/i);
    await assert.rejects(controlPart(shop.home, 'payment', 'restart', { withinMs: shortMs }), (error: Error) => {
      assert.match(error.message, /^payment (was to restart within 4 s|is not healthy after)/);
      return true;
    });
  } finally {
    await controlPart(shop.home, 'payment-db', 'start');
    await controlPart(shop.home, 'payment', 'start');
  }
  await isWell();
});

test('a healing behind a long transaction says for whom it waits, ends at its limit, and the connector runs', async () => {
  const said: string[] = [];
  const healing = () =>
    healOutbox(settings, 'order', { since: new Date(), waitMs: shortMs, say: (line) => said.push(line) });
  await asOwner(async (owner) => {
    await owner.query(
      'begin; update debezium_heartbeat set beat_at = beat_at where id = 0; create table held (id int)',
    );
    await assert.rejects(healing(), { code: 'waited_too_long', message: /\(report\).*end-session order \d+/ });
    await owner.query('rollback');
  });
  assert.match(said[0] ?? '', /^order: making a slot waits for pid \d+ \(report\)/);
  assert.ok(isUp((await readConnectors(settings)).get('order-outbox')));
  await healing();
});
