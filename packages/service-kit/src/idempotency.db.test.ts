import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import type { Pool } from 'pg';
import { createPool } from './database.ts';
import { answerOnce, parseIdempotencyKey, type Answer } from './idempotency.ts';
import { migrateDatabase } from './migrate.ts';
import { Problem } from './problem.ts';

async function database(t: TestContext): Promise<Pool> {
  const folder = import.meta.dirname;
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  return pool;
}

const request = { owner: 'ada', route: 'POST /orders', key: 'k1', body: { lines: [1, 2], a: 1 } };
const answer: Answer = { status: 202, location: '/v1/orders/1', body: '{"a": 1.0,  "b":[]}' };

function problem(code: string) {
  return (error: unknown) => error instanceof Problem && error.code === code;
}

test('the same key and body get the stored answer, byte for byte, and nothing is done again', async (t) => {
  const pool = await database(t);
  let done = 0;
  const act = async () => {
    done += 1;
    return answer;
  };
  assert.deepEqual(await answerOnce(pool, request, act), answer);
  assert.deepEqual(
    await answerOnce(pool, { ...request, body: { a: 1, lines: [1, 2] } }, act),
    answer,
    'key order in JSON means nothing',
  );
  assert.equal(done, 1);
});

test('a key belongs to its owner and its route', async (t) => {
  const pool = await database(t);
  const bodies = ['a', 'b', 'c'].map((body) => ({ ...answer, body }));
  const requests = [request, { ...request, owner: 'bob' }, { ...request, route: 'POST /restock' }];
  for (const [index, each] of requests.entries()) {
    assert.equal((await answerOnce(pool, each, async () => bodies[index] ?? answer)).body, bodies[index]?.body);
  }
});

test('the same key with another body is refused', async (t) => {
  const pool = await database(t);
  await answerOnce(pool, request, async () => answer);
  await assert.rejects(
    answerOnce(pool, { ...request, body: {} }, async () => answer),
    problem('idempotency_key_reused'),
  );
});

test('while the first request runs, the second is told to come back, and then gets the answer', async (t) => {
  const pool = await database(t);
  const finish = Promise.withResolvers<Answer>();
  const started = Promise.withResolvers<void>();
  const first = answerOnce(pool, request, () => {
    started.resolve();
    return finish.promise;
  });
  await started.promise;
  await assert.rejects(
    answerOnce(pool, request, async () => answer),
    problem('request_in_progress'),
  );
  finish.resolve(answer);
  assert.deepEqual(await first, answer);
  assert.deepEqual(await answerOnce(pool, request, async () => ({ ...answer, body: 'other' })), answer);
});

test('a refusal leaves the key free and no trace of what was begun', async (t) => {
  const pool = await database(t);
  await pool.query('create table begun (n integer)');
  const refusing = answerOnce(pool, request, async (tx) => {
    await tx.query('insert into begun values (1)');
    throw new Problem({ status: 422, code: 'unknown_sku', detail: '' });
  });
  await assert.rejects(refusing, problem('unknown_sku'));
  assert.deepEqual(await answerOnce(pool, { ...request, body: {} }, async () => answer), answer);
  const { rows } = await pool.query('select n from begun');
  assert.deepEqual(rows, []);
});

test('an Idempotency-Key is bare or quoted visible ASCII, 1 to 255 characters', () => {
  assert.equal(parseIdempotencyKey('"8e03978e-40d5"'), '8e03978e-40d5');
  assert.equal(parseIdempotencyKey('8e03978e-40d5'), '8e03978e-40d5');
  assert.throws(() => parseIdempotencyKey(undefined), problem('idempotency_key_missing'));
  for (const bad of ['', '""', 'a b', 'é', 'a'.repeat(256), ['a', 'b']]) {
    assert.throws(() => parseIdempotencyKey(bad), problem('idempotency_key_invalid'));
  }
});
