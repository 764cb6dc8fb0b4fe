import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EventType } from '../packages/contracts/src/events.ts';
import { newId, type EventId } from '../packages/contracts/src/ids.ts';
import { createBatchHandler } from '../packages/service-kit/src/batch.ts';
import { createPool } from '../packages/service-kit/src/database.ts';
import { inTransaction } from '../packages/service-kit/src/transaction.ts';
import { migrateDatabase } from '../packages/service-kit/src/migrate.ts';
import { createLogger } from '../packages/telemetry/src/logger.ts';
import { eventOf, recordOf } from '../packages/test-kit/src/event-builder.ts';
import { freshDatabase } from '../packages/test-kit/src/fresh-database.ts';
import { createParticipant as createInventory } from '../services/inventory/src/messages.ts';
import { createParticipant as createNotification } from '../services/notification/src/messages.ts';
import { createParticipant as createOrder } from '../services/order/src/messages.ts';
import { insertOrder } from '../services/order/src/order-store.ts';
import { bodyOf, facts } from './checkout-tables.ts';
import { unreachablePairs, type Unreachable } from './unreachable-pairs.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const committed = () => undefined;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

type Pool = ReturnType<typeof createPool>;

type Service = {
  name: string;
  tables: readonly string[];
  /** What it hears, one after the other, to be in a state. */
  hears: Readonly<Record<string, readonly EventType[]>>;
  handle: (pool: Pool) => ReturnType<typeof createBatchHandler>;
  prepare?: (pool: Pool, is: string) => Promise<unknown>;
};

const services: Record<Unreachable['of'], Service> = {
  order: {
    name: 'order',
    tables: ['orders', 'order_timeline', 'outbox'],
    hears: { pending: [], confirmed: ['payment.captured'] },
    handle: (pool) => createBatchHandler({ pool, participant: createOrder(clock), logger }),
    prepare: (pool) => {
      const stored = { order: facts, placedEventId: newId<EventId>(), traceparent: null, lamport: 1, version: 1 };
      return inTransaction(pool, (tx) => insertOrder(tx, { row: stored, events: [] }));
    },
  },
  stock: {
    name: 'inventory',
    tables: ['reservations', 'stock', 'stock_movements', 'outbox'],
    hears: {
      unseen: [],
      rejected: ['order.placed'],
      released: ['order.placed', 'order.cancelled'],
      tombstone: ['order.cancelled'],
    },
    handle: (pool) => createBatchHandler({ pool, participant: createInventory(clock), logger }),
    prepare: (pool, is) =>
      pool.query(`
        insert into products values ('MUG', 'Mug', '', 1490, 'EUR', 1, 1);
        insert into stock (sku, on_hand) values ('MUG', ${is === 'rejected' ? 0 : 2})`),
  },
  notification: {
    name: 'notification',
    tables: ['correspondences', 'notifications', 'outbox'],
    hears: {
      'told of confirmed': ['order.confirmed'],
      'told of cancelled': ['order.cancelled'],
      'told of both': ['order.confirmed', 'order.cancelled'],
    },
    handle: (pool) => createBatchHandler({ pool, participant: createNotification({ clock, committed }), logger }),
  },
};

for (const { of, is, hears } of unreachablePairs)
  for (const type of hears)
    test(`${of} that is ${is} and hears ${type} parks it as unreachable and stays as it was`, async (t) => {
      const service = services[of];
      const pool = await openDatabase(t, service.name);
      await service.prepare?.(pool, is);
      const handle = service.handle(pool);
      const hear = (heard: EventType, aggregateVersion: number) =>
        handle([recordOf(eventOf(bodyOf(heard), { aggregateVersion }))], AbortSignal.timeout(10_000));
      const path = service.hears[is] ?? [];
      for (const [n, before] of path.entries()) assert.deepEqual(await hear(before, n + 1), ['handled']);

      const before = await rowsOf(pool, service.tables);
      assert.deepEqual(await hear(type, path.length + 1), ['parked']);
      assert.deepEqual(await rowsOf(pool, service.tables), before);
      const parked = await pool.query("select type, reason from parked_messages where status = 'parked'");
      assert.deepEqual(parked.rows, [{ type, reason: 'unreachable' }]);
    });

async function openDatabase(t: TestContext, service: string): Promise<Pool> {
  const folder = join(import.meta.dirname, `../services/${service}/migrations`);
  const { url } = await freshDatabase(t, {
    template: service,
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  return pool;
}

async function rowsOf(pool: Pool, tables: readonly string[]): Promise<unknown[]> {
  return Promise.all(tables.map(async (table) => (await pool.query(`select * from ${table} order by 1, 2`)).rows));
}
