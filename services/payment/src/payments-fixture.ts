import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import type { Pool } from 'pg';
import { createParticipant } from './messages.ts';
import { findPayment } from './payment-store.ts';
import type { Provider } from './provider.ts';
import { startProviderCalls } from './provider-calls.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
export const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

const notAsked = () => Promise.reject(new Error('this call was not expected'));

/** Payments in a database of the test's own, and a provider that answers as expected and is asked nothing else. */
export async function payments(t: TestContext, expected: Partial<Provider>) {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'payment',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const calls = startProviderCalls({
    pool,
    provider: { capture: notAsked, void: notAsked, refund: notAsked, findRefund: notAsked, ...expected },
    clock,
    logger,
  });
  t.after(async () => {
    await calls.stop();
    await pool.end();
  });
  return {
    pool,
    calls,
    handle: createBatchHandler({ pool, participant: createParticipant(clock, calls.nudge), logger }),
  };
}

/** Two mugs to be paid within a minute: what payment hears of them. */
export function orderToPay() {
  const data = placedData({ deadline: new Date(Date.now() + 60_000).toISOString() });
  const reserved = eventOf(
    { type: 'stock.reserved', data: { orderId: data.orderId, lines: [{ sku: skuOf('MUG'), quantity: 2 }] } },
    { lamport: 2 },
  );
  const { orderId, customerId, lines, totalMinor, currency } = data;
  const contact = { email: null };
  const cancelledAt = new Date().toISOString();
  const outcome = { orderId, customerId, contact, lines, totalMinor, currency, cancelledAt, confirmedAt: null };
  const cancelled = eventOf(
    { type: 'order.cancelled', data: { ...outcome, reason: 'customer_cancelled' } },
    { lamport: 5 },
  );
  return { orderId, placed: eventOf({ type: 'order.placed', data }), reserved, cancelled };
}

export async function statusOf(pool: Pool, orderId: OrderId) {
  return (await findPayment(pool, orderId))?.payment.status;
}

export async function saidOf(pool: Pool, orderId: OrderId) {
  const { rows } = await pool.query<{ type: string; causation_id: string; lamport: number }>(
    'select type, causation_id, lamport from outbox where partition_key = $1 order by aggregate_version',
    [orderId],
  );
  return rows;
}
