import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inChildSpan } from '@sagamart/telemetry/spans';
import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { causeOf, isOfConnection, type Reader } from './database.ts';
import { triageDatabaseError } from './database-trouble.ts';
import { ensurePartitions, tableWithoutPartition } from './partitions.ts';

class OpenTransaction implements Reader {
  readonly #client: PoolClient;
  readonly #committed: (() => void)[] = [];
  /** Why it takes no more statements. */
  #over: Error | undefined;

  private constructor(client: PoolClient) {
    this.#client = client;
  }

  /**
   * Sends a statement. Statements that are started without awaiting each other travel together and run one after the other, in the order they were
   * started: `Promise.all` saves round trips. Once one has failed, every later one rejects as it did, and once the transaction has ended, with TransactionOver:
   * none can run outside of the transaction, on a connection that somebody else has by then.
   */
  query<Row extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: readonly unknown[],
  ): Promise<QueryResult<Row>> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const result = this.#client.query<Row>(statement, values as unknown[] | undefined);
    result.catch((error: Error) => (this.#over ??= error));
    return result;
  }

  /** Calls `tell`, which must not throw, once this transaction has committed, and never if it does not: for what counts what has happened. */
  afterCommit(tell: () => void): void {
    this.#committed.push(tell);
  }

  static async run<T>(pool: Pool, work: (tx: OpenTransaction) => Promise<T>, span: Span | undefined): Promise<T> {
    const client = await pool.connect();
    if (client.database !== undefined) span?.setAttribute(attribute.dbNamespace, client.database);
    let broken: Error | undefined;
    // Without a listener, a connection that dies between two statements would end the process.
    const remember = (error: Error): void => void (broken = error);
    client.on('error', remember);
    const tx = new OpenTransaction(client);
    try {
      // Not awaited by itself: it travels with the first statements of the work.
      const [, result] = await Promise.all([tx.query('begin'), work(tx)]);
      await tx.#commit();
      return result;
    } catch (told) {
      const error = causeOf(told, client);
      tx.#over = new TransactionOver('rolled back');
      await client.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
      if (isOfConnection(error)) broken ??= error;
      throw error;
    } finally {
      client.off('error', remember);
      client.release(broken);
    }
  }

  async #commit(): Promise<void> {
    const committed = this.query('commit');
    this.#over ??= new TransactionOver('committed');
    await committed;
    for (const tell of this.#committed) tell();
  }
}

/** A transaction that takes statements until one of them has failed or it has ended. `inTransaction` alone begins one. */
export type Transaction = OpenTransaction;

/** A statement came too late for its transaction. */
export class TransactionOver extends Error {
  override name = 'TransactionOver';
  constructor(end: 'committed' | 'rolled back') {
    super(`This transaction is ${end}, and takes no more statements. Await what is started in it before it ends.`);
  }
}

/**
 * Runs `work` in one READ COMMITTED transaction: committed when it returns, rolled back when it throws or a statement of it has failed. `work` is run a
 * second time where the day's partition of outbox or inbox was missing: the first to need it makes it.
 */
export async function inTransaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const run = (): Promise<T> =>
    inChildSpan(spanName.transaction, { kind: 'CLIENT', attributes: postgres }, (span) =>
      OpenTransaction.run(pool, work, span),
    );
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

/** Like inTransaction, for a command that no queue would bring again: a race with others, or what a new connection may mend, is run again a few times. */
export async function inRetriedTransaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
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
