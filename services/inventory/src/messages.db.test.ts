import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler, type Outcome } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { inTransaction } from '@sagamart/service-kit/transaction';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { Pool } from 'pg';
import { seedCatalogue } from './catalogue.ts';
import { createParticipant } from './messages.ts';
import { saveProducts } from './product-store.ts';
import { applyMovements } from './stock-store.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

async function shop(t: TestContext, stock: Record<string, number>): Promise<Pool> {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'inventory',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  await inTransaction(pool, async (tx) => {
    for (const [text, onHand] of Object.entries(stock)) {
      const sku = skuOf(text);
      await saveProducts(tx, [
        { sku, name: text, description: '', priceMinor: 100, currency: 'EUR', version: 1, lamport: 1 },
      ]);
      const after = { onHand, held: 0, committed: 0 };
      if (onHand > 0) await applyMovements(tx, [{ sku, kind: 'initial', quantity: onHand, orderId: null, after }]);
    }
  });
  return pool;
}

function placed(lines: Record<string, number>, orderId = newId<OrderId>()) {
  const ordered = Object.entries(lines).map(([sku, quantity]) => ({
    sku: skuOf(sku),
    name: sku,
    quantity,
    unitPriceMinor: 100,
  }));
  return eventOf({ type: 'order.placed', data: placedData({ orderId, lines: ordered }) });
}

function decided(order: ReturnType<typeof placed>, type: 'order.confirmed' | 'order.cancelled') {
  const { orderId, customerId, lines, totalMinor, currency } = order.data;
  const outcome = { orderId, customerId, lines, totalMinor, currency, contact: { email: null } };
  const at = '2026-01-01T00:00:01.000Z';
  return type === 'order.confirmed'
    ? eventOf({ type, data: { ...outcome, confirmedAt: at } })
    : eventOf({ type, data: { ...outcome, reason: 'payment_declined', cancelledAt: at, confirmedAt: null } });
}

async function stockOf(pool: Pool, sku: string): Promise<number[]> {
  const { rows } = await pool.query<{ on_hand: number; held: number; committed: number }>(
    'select on_hand, held, committed from stock where sku = $1',
    [sku],
  );
  return rows.flatMap(({ on_hand, held, committed }) => [on_hand, held, committed]);
}

async function said(pool: Pool): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ type: string; n: number }>(
    'select type, count(*) as n from outbox group by type order by type',
  );
  return Object.fromEntries(rows.map(({ type, n }) => [type, n]));
}

function handlerOf(pool: Pool) {
  return createBatchHandler({ pool, participant: createParticipant(clock), logger });
}

test('stock is held when an order is placed, committed when it is confirmed, given back when it is cancelled', async (t) => {
  const pool = await shop(t, { MUG: 10 });
  const handle = handlerOf(pool);
  const [kept, lost] = [placed({ MUG: 3 }), placed({ MUG: 4 })];
  await handle([recordOf(kept), recordOf(lost)], signal);
  assert.deepEqual(await stockOf(pool, 'MUG'), [3, 7, 0]);
  await handle([recordOf(decided(kept, 'order.confirmed')), recordOf(decided(lost, 'order.cancelled'))], signal);
  assert.deepEqual(await stockOf(pool, 'MUG'), [7, 0, 3]);
  assert.deepEqual(await said(pool), { 'stock.committed': 1, 'stock.released': 1, 'stock.reserved': 2 });
});

test('an order whose whole life arrives in one batch ends where it would one message at a time', async (t) => {
  const pool = await shop(t, { MUG: 10 });
  const order = placed({ MUG: 3 });
  await handlerOf(pool)([recordOf(order), recordOf(decided(order, 'order.confirmed'))], signal);
  assert.deepEqual(await stockOf(pool, 'MUG'), [7, 0, 3]);
  const { rows } = await pool.query<{ aggregate_version: number; lamport: number; type: string }>(
    'select type, aggregate_version, lamport from outbox order by aggregate_version',
  );
  assert.deepEqual(
    rows.map(({ type, aggregate_version: version, lamport }) => [type, version, lamport]),
    [
      ['stock.reserved', 1, 2],
      ['stock.committed', 2, 3],
    ],
  );
});

test('the last unit is sold once, however many want it at once', async (t) => {
  const pool = await shop(t, { LAMP: 1 });
  const handlers = [handlerOf(pool), handlerOf(pool), handlerOf(pool)];
  const orders = Array.from({ length: 30 }, () => recordOf(placed({ LAMP: 1 })));
  await Promise.all(
    handlers.map((handle, index) =>
      handle(
        orders.filter((_, place) => place % handlers.length === index),
        signal,
      ),
    ),
  );
  assert.deepEqual(await stockOf(pool, 'LAMP'), [0, 1, 0]);
  assert.deepEqual(await said(pool), { 'stock.rejected': 29, 'stock.reserved': 1 });
});

test('orders that want the same products in opposite order do not stop each other', async (t) => {
  const pool = await shop(t, { MUG: 100, LAMP: 100 });
  const handlers = [handlerOf(pool), handlerOf(pool)];
  const batches = handlers.map((_, index) =>
    Array.from({ length: 40 }, () => recordOf(placed(index === 0 ? { MUG: 1, LAMP: 1 } : { LAMP: 1, MUG: 1 }))),
  );
  const outcomes = await Promise.all(
    handlers.map(async (handle, index) => {
      const ofOne: Outcome[] = [];
      for (const record of batches[index] ?? []) ofOne.push(...(await handle([record], signal)));
      return ofOne;
    }),
  );
  assert.deepEqual(outcomes.flat(), Array(80).fill('handled'));
  assert.deepEqual(await stockOf(pool, 'MUG'), [20, 80, 0]);
});

test('products are locked in one order, in whichever an order names them', async (t) => {
  const pool = await shop(t, { MUG: 1, LAMP: 1 });
  const other = await pool.connect();
  await other.query('begin');
  await other.query(`select from stock where sku = 'LAMP' for update`);
  const handling = handlerOf(pool)([recordOf(placed({ MUG: 1, LAMP: 1 }))], signal);
  const waitingSql = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  try {
    await waitUntil('it to wait for the lamp', async () => (await pool.query(waitingSql)).rowCount === 1);
    await other.query(`select from stock where sku = 'MUG' for update nowait`);
  } finally {
    await other.query('rollback');
    other.release();
  }
  assert.deepEqual(await handling, ['handled']);
});

test('the ledger of movements explains every balance', async (t) => {
  const pool = await shop(t, { MUG: 10, LAMP: 5 });
  const handle = handlerOf(pool);
  const orders = [placed({ MUG: 3, LAMP: 1 }), placed({ MUG: 2 }), placed({ LAMP: 9 })];
  await handle(orders.map(recordOf), signal);
  await handle(
    orders
      .slice(0, 2)
      .map((order, index) => recordOf(decided(order, index === 0 ? 'order.confirmed' : 'order.cancelled'))),
    signal,
  );
  const { rows } = await pool.query<{ explained: boolean; last: boolean }>(`
    select (on_hand, held, committed) = (
        coalesce(lag(on_hand) over sku_history, 0) + quantity * case when kind in ('initial', 'restock', 'release', 'return') then 1 when kind = 'hold' then -1 else 0 end,
        coalesce(lag(held) over sku_history, 0) + quantity * case kind when 'hold' then 1 when 'commit' then -1 when 'release' then -1 else 0 end,
        coalesce(lag(committed) over sku_history, 0) + quantity * case kind when 'commit' then 1 when 'return' then -1 else 0 end) as explained,
      lead(movement_id) over sku_history is not null
        or exists (select from stock where stock.sku = moved.sku
          and (stock.on_hand, stock.held, stock.committed) = (moved.on_hand, moved.held, moved.committed)) as last
    from stock_movements as moved window sku_history as (partition by sku order by movement_id)`);
  assert.equal(rows.length, 8);
  assert.ok(rows.every(({ explained, last }) => explained && last));
});

test('the table refuses a negative balance even if the code would not', async (t) => {
  const pool = await shop(t, { MUG: 1 });
  await assert.rejects(pool.query(`update stock set on_hand = on_hand - 2 where sku = 'MUG'`), {
    constraint: 'on_hand_not_negative',
  });
});

test('an empty shop is seeded once', async (t) => {
  const pool = await shop(t, {});
  const both = await Promise.all([seedCatalogue(pool, clock), seedCatalogue(pool, clock)]);
  const seeded = both.map((each) => each.seeded).toSorted((a, b) => a - b);
  assert.equal(seeded[0], 0);
  assert.ok((seeded[1] ?? 0) >= 50);
  assert.deepEqual(await said(pool), { 'product.changed': seeded[1] });
});
