import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { CaptureDecision, RecordedCapture } from './capture.ts';

export type Ledger = {
  /**
   * Calls `decide` with the row of this idempotency key, or null, and stores what it decided to record. When the promise
   * is fulfilled the row is on disk. Rejects with LedgerUnavailable: then a repeat tells whether it was stored.
   */
  record(idempotencyKey: string, decide: (known: RecordedCapture | null) => CaptureDecision): Promise<CaptureDecision>;
  /** Rows after a sequence number, oldest first. */
  page(range: { after: number; limit: number }): LedgerRow[];
  /** Finishes what is waiting, then closes the file. */
  close(): Promise<void>;
};

type LedgerRow = Pick<
  RecordedCapture,
  'captureId' | 'idempotencyKey' | 'status' | 'amountMinor' | 'currency' | 'reference' | 'createdAt'
> & {
  sequence: number;
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

  const findByKey = database.prepare('select * from captures where idempotency_key = ?');
  const insert = database.prepare(`
    insert into captures (capture_id, idempotency_key, fingerprint, status, amount_minor, currency, reference, decline_reason, created_at, answer)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const readPage = database.prepare('select * from captures where sequence > ? order by sequence limit ?');

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

  function decideAndInsert({ idempotencyKey, decide }: Waiting): CaptureDecision {
    const row = findByKey.get(idempotencyKey);
    const decision = decide(row === undefined ? null : captureOf(row));
    if (decision.kind === 'recorded') {
      const { capture } = decision;
      const declineReason = capture.status === 'declined' ? capture.declineReason : null;
      insert.run(
        capture.captureId,
        capture.idempotencyKey,
        capture.fingerprint,
        capture.status,
        capture.amountMinor,
        capture.currency,
        capture.reference,
        declineReason,
        capture.createdAt,
        capture.answer,
      );
    }
    return decision;
  }

  return {
    record: (idempotencyKey, decide) => {
      if (waiting.length >= waitingMax) {
        return Promise.reject(
          new LedgerUnavailable(`${waitingMax} captures are waiting already; send the same request again later`),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<CaptureDecision>();
      waiting.push({ idempotencyKey, decide, resolve, reject });
      if (waiting.length === 1) setImmediate(flush);
      return promise;
    },
    page: ({ after, limit }) => readPage.all(after, limit).map(ledgerRowOf),
    close: async () => {
      while (waiting.length > 0) flush();
      database.close();
    },
  };
}

const groupMax = 200;
const waitingMax = 10_000;
const lockTimeoutMs = 500;

type Waiting = {
  idempotencyKey: string;
  decide: (known: RecordedCapture | null) => CaptureDecision;
  resolve: (decision: CaptureDecision) => void;
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

function captureOf(row: Row): RecordedCapture {
  const base = {
    captureId: text(row, 'capture_id'),
    idempotencyKey: text(row, 'idempotency_key'),
    fingerprint: text(row, 'fingerprint'),
    amountMinor: integer(row, 'amount_minor'),
    currency: text(row, 'currency'),
    reference: text(row, 'reference'),
    createdAt: text(row, 'created_at'),
    answer: text(row, 'answer'),
  };
  return row['decline_reason'] === null
    ? { ...base, status: 'captured' }
    : { ...base, status: 'declined', declineReason: text(row, 'decline_reason') };
}

function ledgerRowOf(row: Row): LedgerRow {
  const { captureId, idempotencyKey, status, amountMinor, currency, reference, createdAt } = captureOf(row);
  return {
    sequence: integer(row, 'sequence'),
    captureId,
    idempotencyKey,
    status,
    amountMinor,
    currency,
    reference,
    createdAt,
  };
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`expected text in captures.${column}, found ${typeof value}`);
  return value;
}

function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number')
    throw new TypeError(`expected an integer in captures.${column}, found ${typeof value}`);
  return value;
}
