import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startLoad } from '@sagamart/bench/load';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import { controlPart, type PartAction, readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { ownerUrl } from '../owner-url.ts';
import { withTrouble } from '../provider-controls.ts';
import { followRunbook } from '../runbook.ts';
import { enterShop } from '../shop-under-test.ts';
import { openPrometheus } from './shop-prometheus.ts';

/** 5 minutes are 15 s: three beats of the heartbeat that tells a quiet slot from a stuck one. */
const windowFactor = 1 / 20;
const firesWithinMs = 150_000;
const endsWithinMs = 180_000;
const controlSeconds = 60;
const namedWithinMs = 20_000;

const { client, shop } = await enterShop();
const { query, firing } = await openPrometheus({ windowFactor });
const { token } = await client.openSession({ email: 'ada@example.com' });
const sku = await client.createProduct({ stock: 100_000 });

const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
const part = (name: Parameters<typeof controlPart>[1], action: PartAction) => controlPart(shop.home, name, action);

/** Customers go on ordering, whatever they are answered, while `run` runs. */
async function underLoad(run: () => Promise<void>): Promise<void> {
  const load = await startLoad(shop, { kind: 'steady', ratePerSecond: 3, seconds: 3_600 });
  try {
    await run();
  } finally {
    load.stop();
    await load.over;
  }
}

async function allFire(t: TestContext, alerts: readonly string[]): Promise<void> {
  const sinceMs = Date.now();
  const silent = async () => {
    const now = await firing();
    return alerts.filter((alert) => !now.includes(alert));
  };
  await waitUntil(`${alerts.join(', ')} to fire`, async () => (await silent()).length === 0, firesWithinMs).catch(
    async (error: unknown) => {
      throw new Error(`still silent: ${(await silent()).join(', ')}`, { cause: error });
    },
  );
  t.diagnostic(`${alerts.join(', ')} fired after ${secondsSince(sinceMs)} s`);
}

/** A slow pair looks back so far that the tests go on meanwhile; the last waits for all to end. */
const slowPairs = ['CheckoutBurningSlow', 'DecisionBurningSlow'];

async function allEnd(
  t: TestContext,
  { except }: { except: readonly string[] } = { except: slowPairs },
): Promise<void> {
  const sinceMs = Date.now();
  let last: string[] = [];
  const haveEnded = async () => {
    const still = (await firing()).filter((alert) => !except.includes(alert));
    if (still.length > 0) last = still;
    return still.length === 0;
  };
  await waitUntil('no alert to fire', haveEnded, endsWithinMs).catch((error: unknown) => {
    throw new Error(`healed, but these still fire: ${last.join(', ')}`, { cause: error });
  });
  t.diagnostic(`all ended after ${secondsSince(sinceMs)} s, last ${last.join(', ')}`);
}

function secondsSince(sinceMs: number): string {
  return ((Date.now() - sinceMs) / 1_000).toFixed(1);
}

/** Runs statements as the owner of a service's database and keeps their locks while `run` runs, which is told the pid and may end the session. */
async function withLocks(
  service: Parameters<typeof ownerUrl>[1],
  statement: string,
  run: (pid: string) => Promise<void>,
): Promise<void> {
  const owner = new Client({ connectionString: ownerUrl(shop, service) });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    await owner.query('set idle_in_transaction_session_timeout = 0');
    await owner.query('begin');
    await owner.query(statement);
    const { rows } = await owner.query<{ pid: number }>('select pg_backend_pid() as pid');
    await run(String(rows[0]?.pid));
  } finally {
    await owner.end();
  }
}

test('under load and with nothing wrong, no alert fires', async () => {
  const load = await startLoad(shop, { kind: 'steady', ratePerSecond: 3, seconds: controlSeconds });
  await load.over;
  assert.deepEqual(
    await query(`count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${controlSeconds}s]))`),
    [],
  );
});

test('Debezium that stands still and a slot that is not the one from before are told, and silence returns when they are healed', async (t) => {
  await underLoad(async () => {
    await part('connect', 'stop');
    try {
      const owner = new Client({ connectionString: ownerUrl(shop, 'notification') });
      await owner.connect();
      await owner.query(`select pg_drop_replication_slot('outbox')`);
      await owner.query(`select pg_create_logical_replication_slot('outbox', 'pgoutput')`);
      await owner.query('create table ballast (text text)');
      await owner.query(`insert into ballast select repeat(md5(n::text), 32) from generate_series(1, 140000) as n`);
      await owner.query('drop table ballast');
      await owner.end();
      await allFire(t, ['OutboxStuck', 'ConnectorNotMoving', 'SlotWalGrowing', 'SlotUnsound']);
      await followRunbook('outbox-stuck', 'npm run stack -- start connect');
      await followRunbook('slot-wal-growing', 'npm run stack -- start connect');
      await followRunbook('connector-not-moving', 'npm run stack -- restart connect');
    } finally {
      await part('connect', 'start');
    }
    t.diagnostic(await followRunbook('lost-slot', 'npm run stack -- heal <service>', { service: 'notification' }));
    await allEnd(t);
  });
});

test('a provider that does not answer, a refund that is owed and an order that cannot be decided are told', async (t) => {
  await underLoad(async () => {
    const refunded = await client.placeOrder(token, order);
    await client.orderWhere(token, refunded.orderId, ({ status }) => status === 'confirmed');
    await withTrouble(shop, { down: true }, async () => {
      assert.equal((await client.cancelOrder(token, refunded.orderId)).status, 202);
      const stuck = await client.placeOrder(token, order);
      await withLocks('order', `select from orders where order_id = '${stuck.orderId}' for update`, async (pid) => {
        await allFire(t, ['ProviderFailing', 'RefundOverdue', 'SagaStuck', 'PaymentNeedsPerson']);
        await waitUntil('the status names the lock', () => isNamed('order-db', pid), namedWithinMs);
        await followRunbook('saga-stuck', 'npm run stack -- end-session order <pid>', { pid });
      });
      await allFire(t, ['DecisionBurningFast', 'DecisionBurningSlow']);
      await followRunbook('provider-failing', 'npm run stack -- psp up');
    });
    await allEnd(t);
  });
});

test('a service that is gone is told, and so is that customers cannot order, and that one is not told', async (t) => {
  await underLoad(async () => {
    await part('mail', 'stop');
    const { orderId } = await client.placeOrder(token, order);
    await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
    await part('order', 'stop');
    try {
      await allFire(t, ['ServiceDown', 'CheckoutBurningFast', 'CheckoutBurningSlow', 'MailNeedsPerson']);
      await followRunbook('service-down', 'npm run stack -- start <service>', { service: 'order' });
      await followRunbook('checkout-burning', 'npm run stack -- start <part>', { part: 'order' });
    } finally {
      await Promise.all([part('order', 'start'), part('mail', 'start')]);
    }
    await allEnd(t);
  });
});

test('a consumer that is held up, a database that is gone and a message that nobody can handle are told', async (t) => {
  await underLoad(async () => {
    const key = newId<OrderId>();
    await forge(key);
    await part('payment-db', 'stop');
    try {
      await withLocks('notification', 'lock table inbox in access exclusive mode', async (pid) => {
        await allFire(t, ['ConsumerNotConsuming', 'SourceUnreachable', 'ParkedMessages']);
        await waitUntil('the status names the lock', () => isNamed('notification-db', pid), namedWithinMs);
        const values = { service: 'notification', pid };
        await followRunbook('consumer-not-consuming', 'npm run stack -- end-session <service> <pid>', values);
      });
      await followRunbook('source-unreachable', 'npm run stack -- start <part>', { part: 'payment-db' });
    } finally {
      await part('payment-db', 'start');
    }
    await discard(key);
    await allEnd(t);
  });
});

test('long after all is healed no alert fires', async (t) => {
  await underLoad(() => allEnd(t, { except: [] }));
});

/** Writes a message that no service said into payment.events, which only the order service reads. */
async function forge(key: string): Promise<void> {
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic: 'payment.events', messages: [{ key, value: '{"orderId":' }] });
  await producer.disconnect();
}

async function discard(key: string): Promise<void> {
  const operator = await client.operatorToken();
  const answer = await client.call('GET', '/v1/parked-messages?limit=100', { token: operator });
  const { items } = answer.body as { items: { id: string; key: string }[] };
  for (const { id } of items.filter((message) => message.key === key))
    await followRunbook('parked-messages', 'npm run parked -- discard <id> --reason "why"', { id });
}

/** Whether the status of the shop names a session beside a database. */
async function isNamed(name: string, pid: string): Promise<boolean> {
  const { parts } = await readShopStatus(shop.home);
  return parts.some((one) => one.name === name && one.detail?.includes(`pid ${pid} `) === true);
}
