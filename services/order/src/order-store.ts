import type { OrderLine } from '@sagamart/contracts/events';
import type { CustomerId, EventId, OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Repository, Step } from '@sagamart/service-kit/aggregate';
import type { Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { rowsCountedMax, type Unfinished } from '@sagamart/service-kit/database-metrics';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import {
  orderAggregate,
  type Heard,
  type Order,
  type OrderInput,
  type OrderRefusal,
  type OrderRow,
  type OrderState,
} from './order.ts';
import { measureOutcomes } from './saga-metrics.ts';
import { appendToTimeline } from './timeline-store.ts';

/** Orders in PostgreSQL. A row is inserted by `insertOrder` alone: an event of an order that is not there reaches nothing. */
export const orders: Repository<OrderId, OrderRow, OrderInput, OrderRefusal> = {
  aggregate: orderAggregate,
  keyOf: orderIdOf,
  lock: (tx, inputs) => lockOrders(tx, inputs, 'for update'),
  write: async (tx, { rows, events, steps }) => {
    measureOutcomes(tx, events);
    const heard = steps.map(({ input }) => input).filter((input) => 'data' in input);
    await Promise.all([
      updateOrders(tx, rows),
      appendToTimeline(tx, [...heard, ...events]),
      appendToOutbox(tx, events),
    ]);
  },
};

/** The same, but one who holds an order does not hold up the others: what is locked by somebody else is not there. */
export const freeOrders: typeof orders = {
  ...orders,
  lock: (tx, inputs) => lockOrders(tx, inputs, 'for update skip locked'),
};

function orderIdOf(input: OrderInput): OrderId {
  return 'data' in input ? input.data.orderId : input.orderId;
}

/** Writes an order that was just placed, with the events of its first step. */
export async function insertOrder(
  tx: Transaction,
  { row: { order, placedEventId, traceparent, lamport, version }, events }: Step<OrderRow>,
): Promise<void> {
  const inserted = tx.query({
    name: 'insert-order',
    text: `
      insert into orders (order_id, customer_id, email, lines, total_minor, currency, deadline_at, placed_at, placed_event_id,
        status, traceparent, lamport, version)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    values: [
      order.orderId,
      order.customerId,
      order.email,
      JSON.stringify(order.lines),
      order.totalMinor,
      order.currency,
      order.deadline,
      order.placedAt,
      placedEventId,
      order.status,
      traceparent,
      lamport,
      version,
    ],
  });
  await Promise.all([inserted, appendToTimeline(tx, events), appendToOutbox(tx, events)]);
}

async function lockOrders(
  tx: Transaction,
  inputs: readonly OrderInput[],
  lock: 'for update' | 'for update skip locked',
): Promise<Map<OrderId, OrderRow>> {
  const { rows } = await tx.query<OrderColumns>({
    name: `lock-orders ${lock}`,
    text: `select ${columns} from orders where order_id = any($1) order by order_id ${lock}`,
    values: [[...new Set(inputs.map(orderIdOf))]],
  });
  return new Map(rows.map((row) => [row.order_id, fromRow(row)]));
}

/** Writes what can change of an order, each row once. */
async function updateOrders(tx: Transaction, changed: readonly OrderRow[]): Promise<void> {
  const rows = changed.map(({ order, lamport, version }) => ({
    order_id: order.orderId,
    status: order.status,
    reason: order.status === 'cancelled' ? order.reason : null,
    confirmed_at: order.status === 'pending' ? null : order.confirmedAt,
    cancelled_at: order.status === 'cancelled' ? order.cancelledAt : null,
    stock_heard: order.heard.stock,
    payment_heard: order.heard.payment,
    notifications_heard: order.heard.notifications,
    lamport,
    version,
  }));
  await tx.query({
    name: 'update-orders',
    text: `
      update orders set (status, reason, confirmed_at, cancelled_at, stock_heard, payment_heard, notifications_heard, lamport, version) =
        (changed.status, changed.reason, changed.confirmed_at, changed.cancelled_at, changed.stock_heard, changed.payment_heard,
         changed.notifications_heard, changed.lamport, changed.version)
      from json_to_recordset($1) as changed (order_id uuid, status text, reason text, confirmed_at timestamptz, cancelled_at timestamptz,
        stock_heard text, payment_heard text, notifications_heard text[], lamport bigint, version bigint)
      where orders.order_id = changed.order_id`,
    values: [JSON.stringify(rows)],
  });
}

export async function findOrder(reader: Reader, orderId: OrderId): Promise<Order | null> {
  const { rows } = await reader.query<OrderColumns>({
    name: 'find-order',
    text: `select ${columns} from orders where order_id = $1`,
    values: [orderId],
  });
  return rows[0] === undefined ? null : fromRow(rows[0]).order;
}

/** A customer's orders, newest first; `before` is the last id of the page before. */
export async function listOrders(
  reader: Reader,
  page: { customerId: CustomerId; before: OrderId | null; limit: number },
): Promise<Order[]> {
  const { rows } = await reader.query<OrderColumns>({
    name: 'list-orders',
    text: `select ${columns} from orders where customer_id = $1 and ($2::uuid is null or order_id < $2) order by order_id desc limit $3`,
    values: [page.customerId, page.before, page.limit],
  });
  return rows.map((row) => fromRow(row).order);
}

/** Pending orders past their deadline, the most overdue first, by the database's clock. */
export async function findOverdue(
  reader: Reader,
  options: { graceMs: number; limit: number },
): Promise<{ orderId: OrderId; graceOver: boolean }[]> {
  const { rows } = await reader.query<{ order_id: OrderId; grace_over: boolean }>({
    name: 'find-overdue',
    text: `select order_id, deadline_at < now() - $1 * interval '1 millisecond' as grace_over
           from orders where status = 'pending' and deadline_at < now() order by deadline_at limit $2`,
    values: [options.graceMs, options.limit],
  });
  return rows.map(({ order_id: orderId, grace_over: graceOver }) => ({ orderId, graceOver }));
}

/** How many orders are undecided, and for how long the oldest has been. */
export async function readUndecided(reader: Reader): Promise<Unfinished[]> {
  const { rows } = await reader.query<Unfinished>({
    name: 'read-undecided',
    text: `
      select 'order_pending' as state, count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(placed_at)), 0)::float8 as "oldestAgeSeconds"
      from (select placed_at from orders where status = 'pending' order by deadline_at limit $1) as undecided`,
    values: [rowsCountedMax],
  });
  return rows;
}

const columns = `order_id, customer_id, email, lines, total_minor, currency, deadline_at, placed_at, placed_event_id, status, reason,
  confirmed_at, cancelled_at, stock_heard, payment_heard, notifications_heard, traceparent, lamport, version`;

type OrderColumns = {
  order_id: OrderId;
  customer_id: CustomerId;
  email: string | null;
  lines: OrderLine[];
  total_minor: number;
  currency: Currency;
  deadline_at: Date;
  placed_at: Date;
  placed_event_id: EventId;
  status: Order['status'];
  reason: Extract<OrderState, { status: 'cancelled' }>['reason'] | null;
  confirmed_at: Date | null;
  cancelled_at: Date | null;
  stock_heard: Heard['stock'];
  payment_heard: Heard['payment'];
  notifications_heard: Heard['notifications'];
  traceparent: string | null;
  lamport: number;
  version: number;
};

function fromRow(row: OrderColumns): OrderRow {
  const facts = {
    orderId: row.order_id,
    customerId: row.customer_id,
    email: row.email,
    lines: row.lines,
    totalMinor: row.total_minor,
    currency: row.currency,
    deadline: row.deadline_at.toISOString(),
    placedAt: row.placed_at.toISOString(),
    heard: { stock: row.stock_heard, payment: row.payment_heard, notifications: row.notifications_heard },
  };
  return {
    order: { ...facts, ...stateOf(row) },
    placedEventId: row.placed_event_id,
    traceparent: row.traceparent,
    lamport: row.lamport,
    version: row.version,
  };
}

function stateOf(row: OrderColumns): OrderState {
  const confirmedAt = row.confirmed_at?.toISOString() ?? null;
  if (row.status === 'confirmed' && confirmedAt !== null) return { status: 'confirmed', confirmedAt };
  if (row.status === 'cancelled' && row.reason !== null && row.cancelled_at !== null) {
    return { status: 'cancelled', reason: row.reason, cancelledAt: row.cancelled_at.toISOString(), confirmedAt };
  }
  return { status: 'pending' };
}
