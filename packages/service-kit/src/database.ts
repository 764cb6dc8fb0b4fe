import {
  Pool,
  TypeOverrides,
  types,
  type PoolClient,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';
import { triageDatabaseError } from './database-trouble.ts';

/** Anything that can read: the pool, or a transaction. */
export type Reader = {
  query: <Row extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: readonly unknown[],
  ) => Promise<QueryResult<Row>>;
};

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
const lastErrors = new WeakMap<PoolClient, Error>();

/** Statements that travelled with one that failed fail too, and which of them is heard first is chance: the cause of all is the one before. */
export function causeOf(error: unknown, client: PoolClient): unknown {
  return isAborted(error) ? (lastErrors.get(client) ?? error) : error;
}

function isAborted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '25P02';
}

/** Whether what failed may succeed on another connection. */
export function isOfConnection(error: unknown): error is Error {
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

/** A text from outside as PostgreSQL can hold it: its text has no place for a NUL character, and a hostile one may have some. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
