import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newId, type CustomerId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createPool } from '@sagamart/service-kit/database';
import { inTransaction } from '@sagamart/service-kit/transaction';
import type { GroupProgress, Offsets } from '@sagamart/service-kit/group-progress';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { createLogger } from '@sagamart/telemetry/logger';
import { skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { startDeadlineSweeper } from './deadlines.ts';
import { begin } from './order.ts';
import { insertOrder } from './order-store.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const clock = { now: () => new Date(), newEventId: newId<EventId> };

function offsets(inventory: bigint, payment: bigint): Offsets {
  return new Map([
    ['inventory.events', new Map([[0, inventory]])],
    ['payment.events', new Map([[0, payment]])],
  ]);
}

/** A sweeper whose topics have one partition each, and orders that went past their deadline so many milliseconds ago. */
async function sweeper(t: TestContext, read: GroupProgress['read']) {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'order',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const progress: GroupProgress = { read, partitionOf: () => 0, close: async () => undefined };
  const running = startDeadlineSweeper({ pool, clock, progress, logger });
  t.after(async () => {
    await running.stop();
    await pool.end();
  });
  const overdueBy = async (ms: number): Promise<OrderId> => {
    const sku = skuOf('MUG');
    const command = {
      orderId: newId<OrderId>(),
      customerId: newId<CustomerId>(),
      email: null,
      lines: [{ sku, quantity: 1 }],
      paymentMethod: 'tok_visa',
    };
    const catalogue = new Map([[sku, { sku, name: 'Mug', priceMinor: 100, currency: 'EUR' } as const]]);
    const earlier = { ...clock, now: () => new Date(Date.now() - ms) };
    const begun = begin(command, catalogue, { clock: earlier, checkoutDeadlineMs: 0, traceparent: null });
    assert.ok('row' in begun);
    await inTransaction(pool, (tx) => insertOrder(tx, begun));
    return command.orderId;
  };
  const reasonOf = async (orderId: OrderId) =>
    (await pool.query<{ reason: string | null }>('select reason from orders where order_id = $1', [orderId])).rows[0]
      ?.reason ?? null;
  return { pool, overdueBy, reasonOf };
}

test('an order past its deadline is cancelled once everything that was in Kafka at the deadline was heard', async (t) => {
  let committed = offsets(3n, 4n);
  let reads = 0;
  // The ends move on after the first look: what comes after the deadline must not be waited for.
  const { overdueBy, reasonOf } = await sweeper(t, async () => ({ ends: offsets(3n, BigInt(5 + reads++)), committed }));
  const orderId = await overdueBy(1_000);
  await waitUntil('three looks', () => reads >= 3);
  assert.equal(await reasonOf(orderId), null, 'a payment event is still unheard');
  committed = offsets(3n, 5n);
  await waitUntil('the order to be cancelled', async () => (await reasonOf(orderId)) === 'timed_out');
});

test('after its grace an order is cancelled though Kafka cannot be asked', async (t) => {
  let asked = 0;
  const { overdueBy, reasonOf } = await sweeper(t, async () => {
    asked += 1;
    throw new Error('no broker');
  });
  const [late, inGrace] = [await overdueBy(16_000), await overdueBy(1_000)];
  await waitUntil('the order to be cancelled', async () => (await reasonOf(late)) === 'timed_out');
  await waitUntil('another look', () => asked >= 3);
  assert.equal(await reasonOf(inGrace), null);
});

test('topics nobody has spoken on hold nothing up', async (t) => {
  const { overdueBy, reasonOf } = await sweeper(t, async () => ({
    ends: offsets(0n, 0n),
    committed: offsets(-1n, -1n),
  }));
  const orderId = await overdueBy(1);
  await waitUntil('the order to be cancelled', async () => (await reasonOf(orderId)) === 'timed_out');
});

test('an order that somebody holds keeps no other from being cancelled, and is cancelled once it is let go', async (t) => {
  let committed = offsets(0n, 0n);
  const { pool, overdueBy, reasonOf } = await sweeper(t, async () => ({ ends: offsets(1n, 1n), committed }));
  const [held, free] = [await overdueBy(2_000), await overdueBy(1_000)];
  await inTransaction(pool, async (tx) => {
    await tx.query('select from orders where order_id = $1 for update', [held]);
    committed = offsets(1n, 1n);
    await waitUntil('the other order to be cancelled', async () => (await reasonOf(free)) === 'timed_out');
    assert.equal(await reasonOf(held), null);
  });
  await waitUntil('the order that was held to be cancelled', async () => (await reasonOf(held)) === 'timed_out');
});
