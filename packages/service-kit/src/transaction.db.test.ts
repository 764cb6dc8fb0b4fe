import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@sagamart/contracts/ids';
import type { Pool } from 'pg';
import { openDatabase } from './batch-fixture.ts';
import { createPool } from './database.ts';
import { inTransaction, TransactionOver, type Transaction } from './transaction.ts';

const write = (tx: Transaction) => tx.query('insert into seen (order_id) values ($1)', [newId()]);
const fail = (tx: Transaction) => tx.query('select 1 / 0').catch(() => undefined);

async function rowsOf(pool: Pool): Promise<number> {
  return (await pool.query('select from seen')).rowCount ?? 0;
}

test('a statement that starts after another has failed is not run, and is told what failed', async (t) => {
  const { pool } = await openDatabase(t);
  const late: Promise<unknown>[] = [];
  const failing = inTransaction(pool, async (tx) => {
    await fail(tx);
    late.push(assert.rejects(write(tx), /division by zero/));
  });
  await assert.rejects(failing, /division by zero/);
  await Promise.all(late);
  assert.equal(await rowsOf(pool), 0);
});

test('a statement that starts when its transaction has ended is not run on the connection that somebody else has by then', async (t) => {
  const { url } = await openDatabase(t);
  const pool = createPool({ connectionString: url, applicationName: 'test', connectionsMax: 1 });
  t.after(() => pool.end());
  const kept: Transaction[] = [];
  await inTransaction(pool, async (tx) => void kept.push(tx));
  await assert.rejects(
    inTransaction(pool, (tx) => {
      kept.push(tx);
      throw new Error('thought better of it');
    }),
  );
  await inTransaction(pool, async (tx) => {
    for (const over of kept) await assert.rejects(write(over), TransactionOver);
    await tx.query('select');
  });
  assert.equal(await rowsOf(pool), 0);
});

test('a transaction of which a statement has failed does not commit, whoever caught the error', async (t) => {
  const { pool } = await openDatabase(t);
  const told: string[] = [];
  const work = async (tx: Transaction) => {
    tx.afterCommit(() => told.push('committed'));
    await write(tx);
    await fail(tx);
  };
  await assert.rejects(inTransaction(pool, work), /division by zero/);
  assert.deepEqual([await rowsOf(pool), told], [0, []]);
});

test('what is to be told of a transaction is told once it has committed', async (t) => {
  const { pool } = await openDatabase(t);
  const told: number[] = [];
  await inTransaction(pool, async (tx) => {
    tx.afterCommit(() => told.push(told.length));
    await write(tx);
    assert.deepEqual(told, []);
  });
  assert.deepEqual([await rowsOf(pool), told], [1, [0]]);
});
