import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { ServiceName } from '@sagamart/contracts/topics';
import type { InboxRow, LedgerEntry, OrderKeyRow, OutboxRow, TopicRecord } from './books.ts';

/**
 * What the auditor has read of all that is only ever added to: each outbox and inbox, the topics, the ledger, the mails, the answers under keys. So
 * it is read once, and found again by the order (or sku) it is about. It lies in a temporary file of SQLite's, of which a few megabytes are in memory.
 */
export type Notebook = {
  /** Notes what is not yet noted; its keys are then touched. */
  readonly note: <Table extends keyof Notes>(table: Table, rows: readonly Notes[Table][]) => void;
  readonly touch: (keys: Iterable<string>) => void;
  /** The keys that were touched since they were last taken, sorted. */
  readonly takeTouched: () => string[];
  readonly find: <Table extends keyof Notes>(table: Table, keys: readonly string[]) => Notes[Table][];
  /** The order of a capture in the ledger; undefined for one that is not noted. */
  readonly orderOfCapture: (captureId: string) => string | undefined;
  readonly moments: () => Iterable<Moment>;
  readonly count: (table: keyof Notes) => number;
  /** Forgets what the databases said, so that they are read from the start again, and touches all that is left. */
  readonly forgetDatabases: () => void;
  readonly close: () => void;
};

export type Notes = {
  outbox: OutboxRow & { service: ServiceName };
  inbox: InboxRow & { service: ServiceName };
  order_keys: OrderKeyRow;
  subjects: { orderId: string };
  records: TopicRecord;
  ledger: LedgerEntry & { orderId: string };
  mails: { messageId: string; orderId: string };
};

/** When an event was written down by who said it, and when the broker first had it; null when it does not. */
export type Moment = { type: string; key: string; writtenAtMs: number; timestampMs: number | null };

const tables: Readonly<Record<keyof Notes, Shape>> = {
  outbox: {
    columns: [
      'id',
      'service',
      'topic',
      'key',
      'type',
      'source',
      'version',
      'lamport',
      'causationId',
      'digest',
      'writtenAtMs',
    ],
    identity: ['id', 'service'],
    about: 'key',
    order: ['version'],
  },
  inbox: {
    columns: ['id', 'service', 'topic', 'key', 'receivedAtMs'],
    identity: ['id', 'service'],
    about: 'key',
    order: ['receivedAtMs'],
  },
  order_keys: { columns: ['owner', 'key', 'orderId'], identity: ['owner', 'key'], about: 'orderId', order: ['key'] },
  subjects: { columns: ['orderId'], identity: ['orderId'], about: 'orderId', order: ['orderId'] },
  records: {
    columns: [
      'topic',
      'partition',
      'offset',
      'timestampMs',
      'key',
      'id',
      'type',
      'source',
      'version',
      'lamport',
      'causationId',
      'digest',
    ],
    // The time tells apart what stood at one place of two topics of one name.
    identity: ['topic', 'partition', 'offset', 'timestampMs'],
    about: 'key',
    order: ['topic', 'partition', 'offset'],
  },
  ledger: {
    columns: ['sequence', 'kind', 'key', 'captureId', 'refundId', 'amountMinor', 'currency', 'reference', 'orderId'],
    identity: ['sequence'],
    about: 'orderId',
    order: ['sequence'],
  },
  mails: { columns: ['messageId', 'orderId'], identity: ['messageId'], about: 'orderId', order: ['messageId'] },
} satisfies { [Table in keyof Notes]: TableShape<Notes[Table]> };

type TableShape<Row> = {
  columns: readonly (keyof Row & string)[];
  identity: readonly (keyof Row & string)[];
  /** Which column says what a row is about. */
  about: keyof Row & string;
  order: readonly (keyof Row & string)[];
};

type Shape = TableShape<Record<string, unknown>>;

const databaseTables = ['outbox', 'inbox', 'order_keys', 'subjects'] as const;
const tableNames = Object.keys(tables) as (keyof Notes)[];

const cacheKb = 32_768;

export function openNotebook(): Notebook {
  const db = new DatabaseSync('');
  db.exec(`pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -${cacheKb}`);
  for (const name of tableNames) {
    const { columns, identity, about } = tables[name];
    db.exec(`create table ${name} (${columns.join(', ')}, primary key (${identity.join(', ')})) without rowid`);
    if (about !== identity[0]) db.exec(`create index ${name}_about on ${name} (${about})`);
  }
  const inserts = mapTables(({ name, columns }) =>
    db.prepare(`insert or ignore into ${name} values (${columns.map(() => '?').join(', ')})`),
  );
  const finds = mapTables(({ name, about, order }) =>
    db.prepare(`select * from ${name} where ${about} in (select value from json_each(?)) order by ${order.join(', ')}`),
  );
  const counts = new Map<keyof Notes, number>();
  let touched = new Set<string>();

  return {
    note: (table, rows) => {
      const { columns, about } = tables[table];
      db.exec('begin');
      for (const row of rows as readonly Record<string, SQLInputValue>[]) {
        const { changes } = inserts[table].run(...columns.map((column) => row[column] ?? null));
        if (changes === 0) continue;
        touched.add(row[about] as string);
        counts.set(table, (counts.get(table) ?? 0) + 1);
      }
      db.exec('commit');
    },
    touch: (keys) => {
      for (const key of keys) touched.add(key);
    },
    takeTouched: () => {
      const taken = [...touched].toSorted();
      touched = new Set();
      return taken;
    },
    find: (table, keys) => finds[table].all(JSON.stringify(keys)) as never[],
    orderOfCapture: (captureId) => db.prepare(orderOfCaptureSql).get(captureId)?.['orderId'] as string | undefined,
    moments: () => db.prepare(momentsSql).iterate() as Iterable<never>,
    count: (table) => counts.get(table) ?? 0,
    forgetDatabases: () => {
      for (const table of databaseTables) {
        db.exec(`delete from ${table}`);
        counts.delete(table);
      }
      for (const row of db.prepare(keysLeftSql).all()) touched.add(String(row['key']));
    },
    close: () => db.close(),
  };

  function mapTables(prepare: (shape: { name: string } & Shape) => StatementSync): Record<keyof Notes, StatementSync> {
    const prepared = tableNames.map((name) => [name, prepare({ name, ...tables[name] })]);
    return Object.fromEntries(prepared) as Record<keyof Notes, StatementSync>;
  }
}

// Without an index: it is asked of refunds that were made by hand.
const orderOfCaptureSql = "select orderId from ledger where captureId = ? and kind = 'capture'";

const keysLeftSql = 'select key from records union select orderId from ledger union select orderId from mails';

const momentsSql = `
  select type, key, writtenAtMs,
    (select min(timestampMs) from records where records.key = outbox.key and records.id = outbox.id) as timestampMs
  from outbox`;
