import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inChildSpan } from '@sagamart/telemetry/spans';
import { Pool, TypeOverrides, types, type PoolClient } from 'pg';
import { triageDatabaseError } from './database-trouble.ts';
import { ensurePartitions, tableWithoutPartition } from './partitions.ts';

/** A connection inside a transaction. A Pool is not a Tx: what writes cannot be called outside of one. */
export type Tx = PoolClient;

/** Anything that can read: the pool, or a transaction. */
export type Reader = Pick<PoolClient, 'query'>;

export type PoolOptions = {
  connectionString: string;
  applicationName: string;
  connectionsMax?: number;
};

/**
 * A pool whose statements, lock waits and idle transactions all have a limit, so that nothing waits for ever. Statements that are started
 * without awaiting each other travel together and run one after the other, in the order they were started: `Promise.all` saves round trips. What
 * is awaited together must start all its statements at once: one started after another has failed would come after the rollback.
 */
export function createPool(options: PoolOptions): Pool {
  const pool = new Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.connectionsMax ?? 10,
    connectionTimeoutMillis: 3_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 5_000,
    // Ours: a server that froze or vanished cannot keep its own limits.
    query_timeout: 6_000,
    keepAlive: true,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
    types: bigintAsNumber,
    pipeline: true,
  });
  // The pool has already dropped an idle connection that broke; without a listener the process would end over it.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.connection.on('errorMessage', (error: Error) => {
      if (!isAborted(error)) lastErrors.set(client, error);
    });
  });
  pool.on('release', (error) => {
    if (isOfConnection(error)) closeIdle(pool);
  });
  return pool;
}

/**
 * Closes the connections that nobody uses now: what is done next is done on new ones. A connection keeps what was prepared and set when it was opened,
 * also after a table, a right or a setting is another.
 */
export function closeIdle(pool: Pool): void {
  for (let left = pool.idleCount; left > 0; left -= 1)
    pool.connect().then(
      (idle) => idle.release(true),
      () => undefined,
    );
}

/** The last error of each connection that is not only the echo of one before it. */
const lastErrors = new WeakMap<Tx, Error>();

/** Statements that travelled with one that failed fail too, and which of them is heard first is chance: the cause of all is the one before. */
function isAborted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '25P02';
}

/** Whether what failed may succeed on another connection. */
function isOfConnection(error: unknown): error is Error {
  const trouble = error instanceof Error ? triageDatabaseError(error) : null;
  return trouble === 'place' || trouble === 'unavailable';
}

const bigintAsNumber = new TypeOverrides();
bigintAsNumber.setTypeParser(types.builtins.INT8, (text) => {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`bigint ${text} is beyond what a number holds exactly`);
  return number;
});

/** Readiness of the database: it answers a query, and takes writes. */
export function databaseReadiness(pool: Pool): { name: string; check: () => Promise<string | null> } {
  return {
    name: 'database',
    check: async () => {
      const { rows } = await pool.query<{ isReadOnly: boolean }>(
        `select current_setting('transaction_read_only')::boolean as "isReadOnly"`,
      );
      return rows[0]?.isReadOnly === true ? 'the database takes no writes: it is read-only' : null;
    },
  };
}

/**
 * Runs `work` in one READ COMMITTED transaction: committed when it returns, rolled back when it throws. `work` is run a second time where the day's
 * partition of outbox or inbox was missing: the first to need it makes it.
 */
export async function inTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const run = (): Promise<T> =>
    inChildSpan(spanName.transaction, { kind: 'CLIENT', attributes: postgres }, (span) => transact(pool, work, span));
  try {
    return await run();
  } catch (error) {
    if (tableWithoutPartition(error) === null) throw error;
    await ensurePartitions(pool);
    return run();
  }
}

// One span a transaction: one for each statement says little more, and a checkout has some hundred of them.
const postgres = { [attribute.dbSystem]: 'postgresql' };

async function transact<T>(pool: Pool, work: (tx: Tx) => Promise<T>, span: Span | undefined): Promise<T> {
  const tx = await pool.connect();
  if (tx.database !== undefined) span?.setAttribute(attribute.dbNamespace, tx.database);
  let broken: Error | undefined;
  // Without a listener, a connection that dies between two statements would end the process.
  const remember = (error: Error): void => void (broken = error);
  tx.on('error', remember);
  try {
    // Not awaited by itself: it travels with the first statements of the work.
    const [, result] = await Promise.all([tx.query('begin'), work(tx)]);
    await tx.query('commit');
    for (const told of toTell.get(tx) ?? []) told();
    return result;
  } catch (told) {
    const error = isAborted(told) ? (lastErrors.get(tx) ?? told) : told;
    await tx.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
    if (isOfConnection(error)) broken ??= error;
    throw error;
  } finally {
    toTell.delete(tx);
    tx.off('error', remember);
    tx.release(broken);
  }
}

const toTell = new WeakMap<Tx, (() => void)[]>();

/** Calls `tell`, which must not throw, once this transaction has committed, and never if it does not: for what counts what has happened. */
export function afterCommit(tx: Tx, tell: () => void): void {
  toTell.set(tx, [...(toTell.get(tx) ?? []), tell]);
}

/** Like inTransaction, for a command that no queue would bring again: a race with others, or what a new connection may mend, is run again a few times. */
export async function inRetriedTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await inTransaction(pool, work);
    } catch (error) {
      const trouble = triageDatabaseError(error);
      const mayPass = trouble === 'lost_race' || trouble === 'conflict' || trouble === 'place';
      if (attempts === commandAttemptsMax || !mayPass) throw error;
    }
  }
}

const commandAttemptsMax = 3;

/** A text from outside as PostgreSQL can hold it: its text has no place for a NUL character, and a hostile one may have some. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
