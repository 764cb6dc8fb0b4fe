import { DatabaseError, Pool, TypeOverrides, types, type PoolClient } from 'pg';

/** A connection inside a transaction. A Pool is not a Tx: what writes cannot be called outside of one. */
export type Tx = PoolClient;

/** Anything that can read: the pool, or a transaction. */
export type Reader = Pick<PoolClient, 'query'>;

export type PoolOptions = {
  connectionString: string;
  applicationName: string;
  connectionsMax?: number;
};

/** A pool whose statements, lock waits and idle transactions all have a limit, so that nothing waits for ever. */
export function createPool(options: PoolOptions): Pool {
  const pool = new Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.connectionsMax ?? 10,
    connectionTimeoutMillis: 3_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 5_000,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
    types: bigintAsNumber,
  });
  // The pool has already dropped an idle connection that broke; without a listener the process would end over it.
  pool.on('error', () => undefined);
  return pool;
}

const bigintAsNumber = new TypeOverrides();
bigintAsNumber.setTypeParser(types.builtins.INT8, (text) => {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`bigint ${text} is beyond what a number holds exactly`);
  return number;
});

/** Readiness of the database: it answers a query. */
export function databaseReadiness(pool: Pool): { name: string; check: () => Promise<null> } {
  return {
    name: 'database',
    check: async () => {
      await pool.query('select 1');
      return null;
    },
  };
}

/** Runs `work` in one READ COMMITTED transaction: committed when it returns, rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  // Without a listener, a connection that dies between two statements would end the process.
  const remember = (error: Error): void => void (broken = error);
  tx.on('error', remember);
  try {
    await tx.query('begin');
    const result = await work(tx);
    await tx.query('commit');
    return result;
  } catch (error) {
    await tx.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
    throw error;
  } finally {
    tx.off('error', remember);
    tx.release(broken);
  }
}

/** A transaction that lost a race: nothing was written, and the same work may succeed when it is tried again. */
export class LostRace extends Error {
  override name = 'LostRace';
}

/**
 * What to do about an error of a transaction. `retry`: it lost a race. `unavailable`: the database cannot be reached or is
 * starting or stopping; wait. `fatal`: trying again cannot help. Constraints count as races by name, never by code alone.
 */
export function triageDatabaseError(error: unknown, racingConstraints: readonly string[] = []): 'retry' | 'unavailable' | 'fatal' {
  if (error instanceof LostRace) return 'retry';
  if (error instanceof DatabaseError) {
    const code = error.code ?? '';
    if (retriedCodes.has(code)) return 'retry';
    if (error.constraint !== undefined && racingConstraints.includes(error.constraint)) return 'retry';
    return unavailableCodes.some((prefix) => code.startsWith(prefix)) ? 'unavailable' : 'fatal';
  }
  if (!(error instanceof Error)) return 'fatal';
  const code = 'code' in error ? String(error.code) : '';
  return networkCodes.has(code) || connectionLost.test(error.message) ? 'unavailable' : 'fatal';
}

// serialization failure, deadlock, lock timeout, unique violation
const retriedCodes = new Set(['40001', '40P01', '55P03', '23505']);

// connection exceptions, insufficient resources, operator intervention (shutdown, starting up, statement timeout), read only, system error
const unavailableCodes = ['08', '53', '57', '25006', '58', '25P03'];

const networkCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

// pg has no code for these; the texts are those of pg 8.
const connectionLost = /Connection terminated|timeout exceeded when trying to connect|connection timeout|not queryable|Client has encountered a connection error/i;
