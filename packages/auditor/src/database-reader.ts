import type { ServiceName } from '@sagamart/contracts/topics';
import type {
  Books,
  Door,
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
export type Reader = { query: (text: string) => Promise<{ rows: unknown[] }> };

export type DatabaseBooks = Pick<
  Books,
  'orders' | 'orderKeys' | 'stock' | 'movements' | 'reservations' | 'payments' | 'notifications' | 'messages' | 'doors'
>;

/** Reads what the four databases have written down. bigint columns are cast: an amount or a version fits a double exactly. */
export async function readDatabases(
  readers: Readonly<Record<ServiceName, Reader>>,
): Promise<Omit<DatabaseBooks, 'doors'>> {
  const [
    orders,
    orderKeys,
    stock,
    movements,
    reservations,
    payments,
    notifications,
    order,
    inventory,
    payment,
    notification,
  ] = await Promise.all([
    select<OrderRow>(readers.order, ordersSql),
    select<OrderKeyRow>(readers.order, orderKeysSql),
    select<StockRow>(readers.inventory, stockSql),
    select<MovementRow>(readers.inventory, movementsSql),
    select<ReservationRow>(readers.inventory, reservationsSql),
    select<PaymentRow>(readers.payment, paymentsSql),
    select<NotificationRow>(readers.notification, notificationsSql),
    readMessages(readers.order),
    readMessages(readers.inventory),
    readMessages(readers.payment),
    readMessages(readers.notification),
  ]);
  const messages = { order, inventory, payment, notification };
  return { orders, orderKeys, stock, movements, reservations, payments, notifications, messages };
}

/** The roles that can log in to this service's server though they are neither its own nor its superuser. */
export async function readForeignRoles(service: ServiceName, reader: Reader): Promise<Door[]> {
  const roles = await select<{ role: string }>(reader, foreignRolesSql(service));
  return roles.map(({ role }) => ({ service, role, open: true }));
}

async function readMessages(reader: Reader): Promise<MessageRows> {
  const [outbox, inbox, parked, partitions] = await Promise.all([
    select<OutboxRow>(reader, outboxSql),
    select<InboxRow>(reader, inboxSql),
    select<ParkedRow>(reader, parkedSql),
    select<{ name: string }>(reader, outboxPartitionsSql),
  ]);
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
  select order_id as "orderId", customer_id as "customerId", status, total_minor::float8 as "totalMinor", currency, lines
  from orders order by order_id`;

const orderKeysSql = `
  select owner, key, body::json ->> 'orderId' as "orderId"
  from idempotency_keys where route = 'POST /orders'`;

const stockSql = 'select sku, on_hand as "onHand", held, committed from stock order by sku';

const movementsSql = `
  select movement_id::float8 as "movementId", sku, kind, quantity, order_id as "orderId", on_hand as "onHand", held, committed
  from stock_movements order by movement_id`;

const reservationsSql = 'select order_id as "orderId", status, lines from reservations';

const outboxSql = `
  select event_id as id, topic, partition_key as key, type, source, aggregate_version::float8 as version, lamport::float8 as lamport,
    causation_id as "causationId", data::text as data
  from outbox order by event_id`;

const inboxSql = 'select event_id as id, topic from inbox';

const parkedSql = `
  select topic, partition_key as key, nullif(event_id, '') as "eventId", nullif(type, '') as type, reason, status
  from parked_messages order by parked_id`;

const outboxPartitionsSql = `
  select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
  where inhparent = 'public.outbox'::regclass order by 1 limit 1`;

function foreignRolesSql(service: ServiceName): string {
  return `select rolname as role from pg_roles where rolcanlogin and not rolsuper and rolname not like '${service}\\_%'`;
}
