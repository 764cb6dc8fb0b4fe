import type { ServiceName } from '@sagamart/contracts/topics';
import type {
  Books,
  InboxRow,
  MessageRows,
  MovementRow,
  NotificationRow,
  OrderKeyRow,
  OrderRow,
  OutboxRow,
  ParkedRow,
  PaymentRow,
  ReservationRow,
  StockRow,
} from './books.ts';

/** Anything that can read a database: a pool, or a client inside a transaction. */
export type Reader = { query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }> };

export type DatabaseBooks = Pick<
  Books,
  'orders' | 'orderKeys' | 'stock' | 'movements' | 'reservations' | 'payments' | 'notifications' | 'messages'
>;

/** Reads what the four databases have written down, each in one snapshot when its reader is inside a repeatable-read transaction. */
export async function readDatabases(readers: Readonly<Record<ServiceName, Reader>>): Promise<DatabaseBooks> {
  const [order, inventory, payment, notification] = await Promise.all([
    readOrder(readers.order),
    readInventory(readers.inventory),
    readPayment(readers.payment),
    readNotification(readers.notification),
  ]);
  const messages = {
    order: order.messages,
    inventory: inventory.messages,
    payment: payment.messages,
    notification: notification.messages,
  };
  return { ...order, ...inventory, ...payment, ...notification, messages };
}

async function readOrder(reader: Reader) {
  const orders = await select<OrderRow>(reader, ordersSql);
  const orderKeys = await select<OrderKeyRow>(reader, orderKeysSql);
  return { orders, orderKeys, messages: await readMessages(reader) };
}

async function readInventory(reader: Reader) {
  const stock = await select<StockRow>(reader, stockSql);
  const movements = await select<MovementRow>(reader, movementsSql);
  const reservations = await select<ReservationRow>(reader, reservationsSql);
  return { stock, movements, reservations, messages: await readMessages(reader) };
}

async function readPayment(reader: Reader) {
  return { payments: await select<PaymentRow>(reader, paymentsSql), messages: await readMessages(reader) };
}

async function readNotification(reader: Reader) {
  return {
    notifications: await select<NotificationRow>(reader, notificationsSql),
    messages: await readMessages(reader),
  };
}

async function readMessages(reader: Reader): Promise<MessageRows> {
  const outbox = await select<OutboxRow>(reader, outboxSql);
  const inbox = await select<InboxRow>(reader, inboxSql);
  const parked = await select<ParkedRow>(reader, parkedSql);
  const partitions = await select<{ name: string }>(reader, outboxPartitionsSql);
  return { outbox, inbox, parked, outboxHoldsFromMs: startOf(partitions[0]?.name) };
}

/** Partitions are named after their day: outbox_2026_11_21. */
function startOf(partition: string | undefined): number {
  const day = /(\d{4})_(\d{2})_(\d{2})$/.exec(partition ?? '');
  return day === null ? 0 : Date.parse(`${day[1]}-${day[2]}-${day[3]}T00:00:00Z`);
}

async function select<Row>(reader: Reader, text: string): Promise<Row[]> {
  const { rows } = await reader.query(text);
  return rows as Row[];
}

const ordersSql = `
  select order_id as "orderId", customer_id as "customerId", status, total_minor::float8 as "totalMinor", currency, lines,
    email is not null as "hasAddress"
  from orders order by order_id`;

const orderKeysSql = `
  select owner, key, body::json ->> 'orderId' as "orderId"
  from idempotency_keys where route = 'POST /orders'`;

const stockSql = 'select sku, on_hand as "onHand", held, committed from stock order by sku';

const movementsSql = `
  select movement_id::float8 as "movementId", sku, kind, quantity, order_id as "orderId", on_hand as "onHand", held, committed
  from stock_movements order by movement_id`;

const reservationsSql = 'select order_id as "orderId", status, lines from reservations';

const paymentsSql = `
  select order_id as "orderId", status, amount_minor::float8 as "amountMinor", currency, capture_id as "captureId",
    refund_id as "refundId"
  from payments`;

const notificationsSql = `
  select order_id as "orderId", outcome, status, order_id || '.' || outcome || '@sagamart.example' as "messageId"
  from notifications`;

// bigint columns are cast, for the driver reads them as text: an amount or a version fits a double exactly.
const outboxSql = `
  select event_id as id, topic, partition_key as key, type, source, aggregate_version::float8 as version, lamport::float8 as lamport,
    causation_id as "causationId", data::text as data,
    (extract(epoch from created_at) * 1000)::float8 as "writtenAtMs"
  from outbox order by event_id`;

const inboxSql = 'select event_id as id, topic from inbox';

const parkedSql = `
  select topic, partition_key as key, nullif(event_id, '') as "eventId", nullif(type, '') as type, reason, status
  from parked_messages order by parked_id`;

const outboxPartitionsSql = `
  select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
  where inhparent = 'public.outbox'::regclass order by 1 limit 1`;
