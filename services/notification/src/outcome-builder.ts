import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventData } from '@sagamart/contracts/events';
import { newId, type CustomerId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler, type Outcome } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Pool } from 'pg';
import { createParticipant } from './messages.ts';

export const logger = createLogger({ service: 'notification', level: 'silent' });
export const clock = { now: () => new Date('2026-11-21T10:00:02.000Z'), newEventId: newId };

export async function freshPool(t: TestContext): Promise<Pool> {
  const { url } = await freshDatabase(t, {
    template: 'notification',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: join(import.meta.dirname, '../migrations') }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'notification-test' });
  t.after(() => pool.end());
  return pool;
}

type OutcomeData = Omit<EventData<'order.confirmed'>, 'confirmedAt'>;

/** What a confirmation and a cancellation of one order have in common. */
export function outcomeData(changes: Partial<OutcomeData> = {}): OutcomeData {
  return {
    orderId: newId<OrderId>(),
    customerId: newId<CustomerId>(),
    contact: { email: 'ada@example.com' },
    lines: [{ sku: skuOf('MUG'), name: 'Mug', quantity: 2, unitPriceMinor: 1490 }],
    totalMinor: 2980,
    currency: 'EUR',
    ...changes,
  };
}

/** An order says order.placed first: its outcomes are the second and the third thing it says. */
export function confirmed(data: OutcomeData): ShopEvent<'order.confirmed'> {
  const body = { type: 'order.confirmed' as const, data: { ...data, confirmedAt: '2026-11-21T10:00:00.000Z' } };
  return eventOf(body, { source: '/order', aggregateVersion: 2, lamport: 7 });
}

export function cancelled(data: OutcomeData): ShopEvent<'order.cancelled'> {
  const times = { cancelledAt: '2026-11-21T10:01:00.000Z', confirmedAt: '2026-11-21T10:00:00.000Z' };
  const body = { type: 'order.cancelled' as const, data: { ...data, reason: 'customer_cancelled' as const, ...times } };
  return eventOf(body, { source: '/order', aggregateVersion: 3, lamport: 9 });
}

/** Hears the events as one consumed batch. */
export function hear(
  pool: Pool,
  events: readonly ShopEvent[],
  committed: () => void = () => undefined,
): Promise<readonly Outcome[]> {
  const handle = createBatchHandler({ pool, participant: createParticipant({ clock, committed }), logger });
  return handle(events.map(recordOf), new AbortController().signal);
}

export async function rowsOf<Row extends object>(pool: Pool, sql: string): Promise<Row[]> {
  const { rows } = await pool.query<Row>(sql);
  return rows;
}
