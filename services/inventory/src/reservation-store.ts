import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { CustomerId, OrderId, Sku } from '@sagamart/contracts/ids';
import type { Repository, Rows } from '@sagamart/service-kit/aggregate';
import type { Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import {
  reservationAggregate,
  type HeardByInventory,
  type Quantities,
  type Reservation,
  type ReservationRow,
  type Reserved,
} from './reservation.ts';
import type { Stock } from './stock.ts';
import { applyMovements, lockStock } from './stock-store.ts';

type Unstocked = Omit<ReservationRow, 'stock' | 'moved'>;

/** Reservations in PostgreSQL, created `unseen` where missing, with the stock of all that their events are about. */
export const reservations: Repository<OrderId, ReservationRow, ShopEvent<HeardByInventory>> = {
  aggregate: reservationAggregate,
  keyOf: ({ data }) => data.orderId,
  lock: async (tx, events) => {
    const rows = await lockReservations(tx, [...new Set(events.map(({ data }) => data.orderId))]);
    const skus = new Set(events.flatMap(({ data }) => data.lines.map(({ sku }) => sku)));
    return sharingStock(rows, await lockStock(tx, [...skus]));
  },
  write: async (tx, { rows, events, steps }) => {
    await Promise.all([
      applyMovements(
        tx,
        steps.flatMap(({ row }) => row.moved),
      ),
      updateReservations(tx, rows),
      appendToOutbox(tx, events),
    ]);
  },
};

/** Each row with the stock as the step before has left it, whichever order that was of. */
function sharingStock(rows: Map<OrderId, Unstocked>, locked: ReadonlyMap<Sku, Stock>): Rows<OrderId, ReservationRow> {
  let stock = locked;
  return {
    get: (orderId) => {
      const row = rows.get(orderId);
      return row === undefined ? undefined : { ...row, stock, moved: [] };
    },
    set: (orderId, row) => {
      rows.set(orderId, row);
      stock = row.stock;
    },
  };
}

async function lockReservations(tx: Transaction, orderIds: readonly OrderId[]): Promise<Map<OrderId, Unstocked>> {
  const [, { rows }] = await Promise.all([
    tx.query({
      name: 'create-reservations',
      text: `insert into reservations (order_id) select order_id from unnest($1::uuid[]) as order_id order by order_id
             on conflict (order_id) do nothing`,
      values: [orderIds],
    }),
    tx.query<ReservationColumns>({
      name: 'lock-reservations',
      text: `select ${columns} from reservations where order_id = any($1) order by order_id for update`,
      values: [orderIds],
    }),
  ]);
  return new Map(rows.map((row) => [row.order_id, fromRow(row)]));
}

async function updateReservations(tx: Transaction, changed: readonly Unstocked[]): Promise<void> {
  const rows = changed.map(({ orderId, customerId, reservation, lamport, version }) => ({
    order_id: orderId,
    customer_id: customerId,
    status: reservation.status,
    lines: 'lines' in reservation ? reservation.lines : [],
    lamport,
    version,
  }));
  await tx.query({
    name: 'update-reservations',
    text: `
      update reservations set (customer_id, status, lines, lamport, version) =
        (changed.customer_id, changed.status, changed.lines, changed.lamport, changed.version)
      from json_to_recordset($1) as changed (order_id uuid, customer_id uuid, status text, lines jsonb, lamport bigint, version bigint)
      where reservations.order_id = changed.order_id`,
    values: [JSON.stringify(rows)],
  });
}

export async function findReservation(reader: Reader, orderId: OrderId): Promise<Reserved | null> {
  const { rows } = await reader.query<ReservationColumns>({
    name: 'find-reservation',
    text: `select ${columns} from reservations where order_id = $1`,
    values: [orderId],
  });
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

const columns = 'order_id, customer_id, status, lines, lamport, version';

type ReservationColumns = {
  order_id: OrderId;
  customer_id: CustomerId | null;
  status: Reservation['status'];
  lines: Quantities;
  lamport: number;
  version: number;
};

function fromRow({ order_id, customer_id, status, lines, lamport, version }: ReservationColumns): Unstocked {
  const reservation: Reservation =
    status === 'held' || status === 'committed' || status === 'released' ? { status, lines } : { status };
  return { orderId: order_id, customerId: customer_id, reservation, lamport, version };
}
