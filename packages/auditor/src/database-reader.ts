import { uuidv7Pattern, uuidv7TimeMs } from '@sagamart/contracts/ids';
import type { ServiceName } from '@sagamart/contracts/topics';
import type {
  Books,
  MessageRows,
  MovementRow,
  NotificationRow,
  OrderRow,
  ParkedRow,
  PaymentRow,
  ReservationRow,
  StockRow,
} from './books.ts';
import type { Notebook, Notes } from './notebook.ts';

/** Anything that can read a database: a pool, or a client inside a transaction. */
export type Reader = { query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }> };

/** What a database says of itself now; what it only ever adds to is in the notebook. */
export type DatabaseState = Pick<MessageRows, 'parked' | 'outboxHoldsFromMs' | 'inboxHoldsFromMs'> & {
  /** From which id on the next reading must look: what was written shortly before this one may not have been committed yet. */
  readonly readFromId: string;
  /** Requests with a key, and batches, that hold a lock at this moment. */
  readonly inHand: number;
};

const pageRows = 5_000;
/** Longer than a transaction takes from the making of an id to its commit. What takes longer is looked up by its id. */
const overlapMs = 10_000;
export const fromTheStart = '00000000-0000-0000-0000-000000000000';

/** Notes what a service's database has been given since `fromId`, of its outbox, its inbox, its answers to keys and the orders it knows of. */
export async function noteDatabase(
  { service, reader, fromId }: { service: ServiceName; reader: Reader; fromId: string },
  notebook: Notebook,
): Promise<DatabaseState> {
  const [state] = await select<{ nowMs: number; inHand: number; outbox: string | null; inbox: string | null }>(
    reader,
    stateSql,
  );
  const parked = await select<ParkedRow>(reader, parkedSql);
  for await (const rows of readPages<Omit<Notes['outbox'], 'service'>>(reader, outboxSql, fromId))
    notebook.note(
      'outbox',
      rows.map((row) => ({ ...row, service })),
    );
  for await (const rows of readPages<Omit<Notes['inbox'], 'service'>>(reader, inboxSql, fromId))
    notebook.note(
      'inbox',
      rows.map((row) => ({ ...row, service })),
    );
  for await (const rows of readPages<{ id: string }>(reader, subjectsSql[service], fromId))
    notebook.note(
      'subjects',
      rows.map(({ id }) => ({ orderId: id })),
    );
  if (service === 'order') await noteKeys(reader, fromId, notebook);
  return {
    parked,
    inHand: state?.inHand ?? 0,
    outboxHoldsFromMs: startOf(state?.outbox),
    inboxHoldsFromMs: startOf(state?.inbox),
    readFromId: lowestIdAt((state?.nowMs ?? 0) - overlapMs),
  };
}

async function noteKeys(reader: Reader, fromId: string, notebook: Notebook): Promise<void> {
  let last: Notes['order_keys'] = { owner: '', key: '', orderId: '' };
  for (;;) {
    const values = [new Date(uuidv7TimeMs(fromId)), last.owner, last.key, pageRows];
    const rows = await select<Notes['order_keys']>(reader, orderKeysSql, values);
    notebook.note('order_keys', rows);
    last = rows.at(-1) ?? last;
    if (rows.length < pageRows) return;
  }
}

/** Notes these rows of an outbox or inbox, by id, wherever they are. */
export async function noteByIds(
  {
    service,
    reader,
    table,
    ids,
  }: { service: ServiceName; reader: Reader; table: 'outbox' | 'inbox'; ids: readonly string[] },
  notebook: Notebook,
): Promise<void> {
  const known = ids.filter(isUuid);
  if (known.length === 0) return;
  const columns = table === 'outbox' ? outboxColumns : inboxColumns;
  const rows = await select<Omit<Notes['outbox'], 'service'>>(
    reader,
    `select ${columns} from ${table} where event_id = any($1)`,
    [known],
  );
  notebook.note(
    table,
    rows.map((row) => ({ ...row, service })),
  );
}

/** Notes the answers under keys that these orders' customers were given, whenever that was. */
export async function noteKeysOf(orders: readonly OrderRow[], reader: Reader, notebook: Notebook): Promise<void> {
  if (orders.length === 0) return;
  const owners = orders.map(({ customerId }) => customerId);
  notebook.note('order_keys', await select(reader, orderKeysOfSql, [owners, orders.map(({ orderId }) => orderId)]));
}

export type OrderRows = Pick<Books, 'orders' | 'reservations' | 'movements' | 'payments' | 'notifications'>;

/** What the databases say now of these orders. A service without a reader says nothing. */
export async function readOrderRows(
  readers: Partial<Record<ServiceName, Reader>>,
  keys: readonly string[],
): Promise<OrderRows> {
  const ids = keys.filter(isUuid);
  const read = async <Row>(service: ServiceName, sql: string): Promise<Row[]> => {
    const reader = readers[service];
    return reader === undefined ? [] : select<Row>(reader, sql, [ids]);
  };
  const [orders, reservations, payments, notifications] = await Promise.all([
    read<OrderRow>('order', ordersSql),
    read<ReservationRow>('inventory', reservationsSql),
    read<PaymentRow>('payment', paymentsSql),
    read<NotificationRow>('notification', notificationsSql),
  ]);
  // After the reservations: a snapshot is one connection, which answers one question at a time.
  const movements = await read<MovementRow>('inventory', movementsSql);
  return { orders, reservations, movements, payments, notifications };
}

export function readStock(reader: Reader): Promise<StockRow[]> {
  return select<StockRow>(reader, 'select sku, on_hand as "onHand", held, committed from stock order by sku');
}

/** The movements of each sku after the ones given, in the order they were written: those of one sku are written one at a time. */
export async function* readMovements(reader: Reader, last: ReadonlyMap<string, number>): AsyncGenerator<MovementRow[]> {
  const seen = new Map(last);
  for (;;) {
    const rows = await select<MovementRow>(reader, newMovementsSql, [[...seen.keys()], [...seen.values()], pageRows]);
    if (rows.length > 0) yield rows;
    if (rows.length < pageRows) return;
    for (const { sku, movementId } of rows) seen.set(sku, movementId);
  }
}

async function* readPages<Row extends { id: string }>(
  reader: Reader,
  sql: string,
  fromId: string,
): AsyncGenerator<Row[]> {
  for (let after = fromId; ;) {
    const rows = await select<Row>(reader, sql, [after, pageRows]);
    if (rows.length > 0) yield rows;
    if (rows.length < pageRows) return;
    after = rows.at(-1)?.id ?? after;
  }
}

async function select<Row>(reader: Reader, text: string, values: unknown[] = []): Promise<Row[]> {
  const { rows } = await reader.query(text, values);
  return rows as Row[];
}

/** Partitions are named after their day: outbox_2026_11_21. */
function startOf(partition: string | null | undefined): number {
  const day = /(\d{4})_(\d{2})_(\d{2})$/.exec(partition ?? '');
  return day === null ? 0 : Date.parse(`${day[1]}-${day[2]}-${day[3]}T00:00:00Z`);
}

/** The lowest UUIDv7 of a moment: its first 48 bits are Unix milliseconds (RFC 9562). */
function lowestIdAt(moment: number): string {
  const hex = Math.max(0, Math.floor(moment)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${fromTheStart.slice(13)}`;
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

// A partition's name sorts by its day, and what is detached is no partition any more. bigint columns are cast, for the driver reads them as text: an
// amount or a version fits a double exactly.
const stateSql = `
  select (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
    (select count(*)::int from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())) as "inHand",
    (select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'public.outbox'::regclass) as outbox,
    (select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'public.inbox'::regclass) as inbox`;

// One without an id of ours is told by its place, as in the topic.
const parkedSql = `
  select topic, partition_key as key, nullif(type, '') as type, reason, status,
    case when event_id ~ '${uuidv7Pattern}' then event_id else format('@%s/%s/%s', topic, kafka_partition, kafka_offset) end as "eventId"
  from parked_messages order by parked_id`;

const outboxColumns = `
  event_id as id, topic, partition_key as key, type, source, aggregate_version::float8 as version, lamport::float8 as lamport,
  causation_id as "causationId", md5(data::text) as digest, (extract(epoch from created_at) * 1000)::float8 as "writtenAtMs"`;
const outboxSql = `select ${outboxColumns} from outbox where event_id > $1 order by event_id limit $2`;

const inboxColumns = `
  event_id as id, topic, partition_key as key, (extract(epoch from received_at) * 1000)::float8 as "receivedAtMs"`;
const inboxSql = `select ${inboxColumns} from inbox where event_id > $1 order by event_id limit $2`;

const subjectsSql: Readonly<Record<ServiceName, string>> = {
  order: 'select order_id as id from orders where order_id > $1 order by order_id limit $2',
  inventory: 'select order_id as id from reservations where order_id > $1 order by order_id limit $2',
  payment: 'select order_id as id from payments where order_id > $1 order by order_id limit $2',
  notification: 'select order_id as id from correspondences where order_id > $1 order by order_id limit $2',
};

const orderKeyColumns = `owner, key, body::json ->> 'orderId' as "orderId"`;
const orderKeysSql = `
  select ${orderKeyColumns} from idempotency_keys
  where route = 'POST /orders' and created_at >= $1 and (owner, route, key) > ($2, 'POST /orders', $3)
  order by owner, route, key limit $4`;
const orderKeysOfSql = `
  select ${orderKeyColumns} from idempotency_keys
  where route = 'POST /orders' and owner = any($1) and body::json ->> 'orderId' = any($2)
  order by owner, key`;

const ordersSql = `
  select order_id as "orderId", customer_id as "customerId", status, confirmed_at is not null as "wasConfirmed",
    (extract(epoch from deadline_at) * 1000)::float8 as "deadlineAtMs", total_minor::float8 as "totalMinor", currency, lines,
    email is not null as "hasAddress"
  from orders where order_id = any($1) order by order_id`;

const movementColumns = `
  movement_id::float8 as "movementId", m.sku, kind, quantity, order_id as "orderId", on_hand as "onHand", held, committed`;
const movementsSql = `select ${movementColumns} from stock_movements m where order_id = any($1) order by movement_id`;
const newMovementsSql = `
  select ${movementColumns}
  from products left join unnest($1::text[], $2::bigint[]) as seen (sku, last) using (sku)
    join stock_movements m on m.sku = products.sku and m.movement_id > coalesce(seen.last, 0)
  order by m.sku, m.movement_id limit $3`;

const reservationsSql = `
  select order_id as "orderId", status, lines from reservations where order_id = any($1) order by order_id`;

const paymentsSql = `
  select order_id as "orderId", status, amount_minor::float8 as "amountMinor", currency, capture_id as "captureId",
    refund_id as "refundId",
    (select case when operator is null then 'books' else 'person' end from settlements
      where settlements.order_id = payments.order_id and outcome = payments.status) as "settledBy"
  from payments where order_id = any($1) order by order_id`;

const notificationsSql = `
  select order_id as "orderId", outcome, status, order_id || '.' || outcome || '@sagamart.example' as "messageId"
  from notifications where order_id = any($1) order by order_id, outcome`;
