import type { CustomerId, OrderId } from '@sagamart/contracts/ids';
import type { Reader, Tx } from '@sagamart/service-kit/database';
import type { Counters } from '@sagamart/service-kit/transition';
import type { Quantities, Reservation, Reserved } from './reservation.ts';

export type StoredReservation = Reserved & Counters;

/** Locks the orders' reservations, created `unseen` where missing, sorted by order id. */
export async function lockReservations(tx: Tx, orderIds: readonly OrderId[]): Promise<StoredReservation[]> {
  const [, { rows }] = await Promise.all([
    tx.query({
      name: 'create-reservations',
      text: `insert into reservations (order_id) select order_id from unnest($1::uuid[]) as order_id order by order_id
             on conflict (order_id) do nothing`,
      values: [orderIds],
    }),
    tx.query<ReservationRow>({
      name: 'lock-reservations',
      text: `select ${columns} from reservations where order_id = any($1) order by order_id for update`,
      values: [orderIds],
    }),
  ]);
  return rows.map(fromRow);
}

export async function updateReservations(tx: Tx, reservations: readonly StoredReservation[]): Promise<void> {
  const rows = reservations.map(({ orderId, customerId, reservation, lamport, version }) => ({
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
  const { rows } = await reader.query<ReservationRow>({
    name: 'find-reservation',
    text: `select ${columns} from reservations where order_id = $1`,
    values: [orderId],
  });
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

const columns = 'order_id, customer_id, status, lines, lamport, version';

type ReservationRow = {
  order_id: OrderId;
  customer_id: CustomerId | null;
  status: Reservation['status'];
  lines: Quantities;
  lamport: number;
  version: number;
};

function fromRow({ order_id, customer_id, status, lines, lamport, version }: ReservationRow): StoredReservation {
  const reservation: Reservation =
    status === 'held' || status === 'committed' || status === 'released' ? { status, lines } : { status };
  return { orderId: order_id, customerId: customer_id, reservation, lamport, version };
}
