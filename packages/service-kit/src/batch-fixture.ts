import type { EventBody } from '@sagamart/contracts/events';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { eventOf, placedData } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import type { Pool } from 'pg';
import { createPool } from './database.ts';
import { migrateDatabase } from './migrate.ts';
import { appendToOutbox } from './outbox.ts';
import type { Participant } from './participant.ts';
import { causedBy, transition } from './transition.ts';

const clock = { now: () => new Date(), newEventId: newId<EventId> };

/** A participant with one table: which orders it has seen. It says payment.voided of each; `react` can be made to fail. */
export function counting(
  react: (orderId: OrderId) => void = () => undefined,
): Participant<{ seen: OrderId[]; said: ReturnType<typeof said> }, 'order.placed'> {
  return {
    hears: ['order.placed'],
    load: async (tx, events) => {
      const orderIds = events.map(({ data }) => data.orderId);
      await tx.query({ name: 'find-seen', text: 'select * from seen where order_id = any($1)', values: [orderIds] });
      return { seen: [], said: [] };
    },
    react: (work, event) => {
      react(event.data.orderId);
      work.seen.push(event.data.orderId);
      work.said.push(...said(event));
    },
    save: async (tx, work) => {
      await tx.query({
        name: 'insert-seen',
        text: 'insert into seen (order_id) select unnest($1::uuid[])',
        values: [work.seen],
      });
      await appendToOutbox(tx, work.said);
    },
  };
}

function said(event: ReturnType<typeof placed>) {
  const says: EventBody<'payment.voided'>[] = [{ type: 'payment.voided', data: { orderId: event.data.orderId } }];
  return transition('/test', { lamport: 0, version: 0 }, causedBy(event), says, clock).events;
}

/** An order that was placed. */
export function placed(orderId = newId<OrderId>()) {
  return eventOf({ type: 'order.placed', data: placedData({ orderId }) });
}

/** A database with the messaging tables and the one of `counting`: a service without tables of its own. */
export async function openDatabase(t: {
  after: (work: () => Promise<void>) => void;
}): Promise<{ pool: Pool; url: string }> {
  const folder = import.meta.dirname;
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  await pool.query('create table seen (order_id uuid, place integer generated always as identity)');
  return { pool, url };
}

/** How many rows a table has. */
export async function count(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`select count(*) as n from ${table}`);
  return rows[0]?.n ?? -1;
}

/** Why messages are or were parked, in the order in which that happened. */
export async function parked(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ reason: string }>('select reason from parked_messages order by parked_id');
  return rows.map((row) => row.reason);
}
