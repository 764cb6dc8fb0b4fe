import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { Decision, Entry } from './entry.ts';

/** What the ledger holds, at the moment a request is decided on. */
export type Books = {
  byKey: (key: string) => Entry | null;
  /** The capture or decline of this id. */
  capture: (captureId: string) => Entry | null;
  refundOf: (captureId: string) => Entry | null;
};

export type Ledger = {
  /**
   * Calls `decide` with the books, and stores what it decided to record; nothing is recorded in between. When the promise is fulfilled the
   * line is on disk. Rejects with LedgerUnavailable: then a repeat tells whether it was stored.
   */
  record(decide: (books: Books) => Decision): Promise<Decision>;
  /** What it holds now. What waits to be recorded is not in it. */
  readonly books: Books;
  /** Rows after a sequence number, oldest first. */
  page(range: { after: number; limit: number }): LedgerRow[];
  /** Finishes what is waiting, then closes the file. */
  close(): Promise<void>;
};

type LedgerRow = {
  sequence: number;
  kind: Entry['kind'];
  key: string;
  captureId: string | null;
  refundId: string | null;
  amountMinor: number | null;
  currency: string | null;
  reference: string | null;
  createdAt: string;
};

/** The ledger could not take the request now: its disk or its lock is in trouble, or too many are waiting. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';
}

/** Opens the ledger file, creating it and bringing its tables up to date first. */
export function openLedger(file: string): Ledger {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file, { timeout: lockTimeoutMs });
  // FULL: in WAL mode NORMAL would lose the last commits at a power cut, and an answered capture may never be lost.
  database.exec('pragma journal_mode = wal; pragma synchronous = full;');
  migrate(database);

  const byKey = database.prepare('select * from ledger where key = ?');
  const byCapture = database.prepare(`select * from ledger where capture_id = ? and kind in ('capture', 'decline')`);
  const byRefunded = database.prepare(`select * from ledger where capture_id = ? and kind = 'refund'`);
  const insert = database.prepare(`
    insert into ledger (kind, key, fingerprint, capture_id, refund_id, amount_minor, currency, reference, decline_reason, created_at, answer)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const readPage = database.prepare('select * from ledger where sequence > ? order by sequence limit ?');

  const books: Books = {
    byKey: (key) => entryOf(byKey.get(key)),
    capture: (captureId) => entryOf(byCapture.get(captureId)),
    refundOf: (captureId) => entryOf(byRefunded.get(captureId)),
  };
  const waiting: Waiting[] = [];

  /**
   * Stores what has gathered in one turn of the event loop in one transaction. The disk's flush is the cost, and while it
   * blocks this process new requests gather for the next one: one at a time was 0.2 ms a capture on a fast disk, and is
   * several on a slow one.
   */
  function flush(): void {
    const group = waiting.splice(0, groupMax);
    if (waiting.length > 0) setImmediate(flush);
    if (group.length === 0) return;
    try {
      database.exec('begin immediate');
      const settled = group.map((one) => ({ one, decision: decideAndInsert(one) }));
      database.exec('commit');
      for (const { one, decision } of settled) one.resolve(decision);
    } catch (error) {
      if (database.isTransaction) database.exec('rollback');
      const failure = new LedgerUnavailable('the ledger could not be written; send the same request again', {
        cause: error,
      });
      for (const one of group) one.reject(failure);
    }
  }

  function decideAndInsert({ decide }: Waiting): Decision {
    const decision = decide(books);
    if (decision.kind === 'recorded') {
      const { entry } = decision;
      const money = 'amountMinor' in entry ? entry : null;
      insert.run(
        entry.kind,
        entry.key,
        entry.fingerprint,
        'captureId' in entry ? entry.captureId : null,
        'refundId' in entry ? entry.refundId : null,
        money?.amountMinor ?? null,
        money?.currency ?? null,
        money?.reference ?? null,
        'declineReason' in entry ? entry.declineReason : null,
        entry.createdAt,
        entry.answer,
      );
    }
    return decision;
  }

  return {
    record: (decide) => {
      if (waiting.length >= waitingMax) {
        return Promise.reject(
          new LedgerUnavailable(`${waitingMax} requests are waiting already; send the same request again later`),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<Decision>();
      waiting.push({ decide, resolve, reject });
      if (waiting.length === 1) setImmediate(flush);
      return promise;
    },
    books,
    page: ({ after, limit }) => readPage.all(after, limit).map(ledgerRowOf),
    close: async () => {
      while (waiting.length > 0) flush();
      database.close();
    },
  };
}

const groupMax = 200;
export const waitingMax = 10_000;
const lockTimeoutMs = 500;

type Waiting = {
  decide: (books: Books) => Decision;
  resolve: (decision: Decision) => void;
  reject: (error: LedgerUnavailable) => void;
};

type Row = Record<string, SQLOutputValue>;

/** Runs the migrations this file has not seen; `user_version` counts those it has. */
function migrate(database: DatabaseSync): void {
  const folder = new URL('../migrations/', import.meta.url);
  const migrations = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  database.exec('begin immediate');
  const applied = Number(database.prepare('pragma user_version').get()?.['user_version']);
  for (const name of migrations.slice(applied)) database.exec(readFileSync(new URL(name, folder), 'utf8'));
  database.exec(`pragma user_version = ${Math.max(applied, migrations.length)}; commit`);
}

function entryOf(row: Row | undefined): Entry | null {
  if (row === undefined) return null;
  const kind = kindOf(row);
  const common = {
    key: text(row, 'key'),
    fingerprint: text(row, 'fingerprint'),
    createdAt: text(row, 'created_at'),
    answer: text(row, 'answer'),
  };
  if (kind === 'void') return { kind, ...common };
  const captured = {
    ...common,
    captureId: text(row, 'capture_id'),
    amountMinor: integer(row, 'amount_minor'),
    currency: text(row, 'currency'),
    reference: text(row, 'reference'),
  };
  if (kind === 'capture') return { kind, ...captured };
  if (kind === 'decline') return { kind, ...captured, declineReason: text(row, 'decline_reason') };
  return { kind, ...captured, refundId: text(row, 'refund_id') };
}

function ledgerRowOf(row: Row): LedgerRow {
  return {
    sequence: integer(row, 'sequence'),
    kind: kindOf(row),
    key: text(row, 'key'),
    captureId: row['capture_id'] === null ? null : text(row, 'capture_id'),
    refundId: row['refund_id'] === null ? null : text(row, 'refund_id'),
    amountMinor: row['amount_minor'] === null ? null : integer(row, 'amount_minor'),
    currency: row['currency'] === null ? null : text(row, 'currency'),
    reference: row['reference'] === null ? null : text(row, 'reference'),
    createdAt: text(row, 'created_at'),
  };
}

const kinds = ['capture', 'decline', 'void', 'refund'] as const;

function kindOf(row: Row): Entry['kind'] {
  const kind = kinds.find((known) => known === row['kind']);
  if (kind === undefined) throw new TypeError(`expected a kind in ledger.kind, found ${String(row['kind'])}`);
  return kind;
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`expected text in ledger.${column}, found ${typeof value}`);
  return value;
}

function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`expected an integer in ledger.${column}, found ${typeof value}`);
  return value;
}
