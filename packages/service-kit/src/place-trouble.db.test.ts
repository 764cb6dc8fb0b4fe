import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import { createLogger } from '@sagamart/telemetry/logger';
import { recordOf } from '@sagamart/test-kit/event-builder';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client, type Pool } from 'pg';
import { createBatchHandler } from './batch.ts';
import { count, counting, openDatabase, parked, placed } from './batch-fixture.ts';
import { createPool } from './database.ts';
import { inRetriedTransaction, inTransaction, type Transaction } from './transaction.ts';
import { createEvidence } from './evidence.ts';
import { problemOf } from './http-errors.ts';
import { createParkedActs } from './parked-acts.ts';
import { UnreachablePair } from './participant.ts';
import type { Problem } from './problem.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const hasty = () => createEvidence(() => performance.now() * 16);
const records = (many: number) => Array.from({ length: many }, () => recordOf(placed()));

/** Somebody at the database, who works on connections of their own. */
async function openOwner(t: TestContext, url: string): Promise<Client> {
  const owner = new Client({ connectionString: url });
  await owner.connect();
  // Its database is dropped first.
  owner.on('error', () => undefined);
  t.after(() => owner.end().catch(() => undefined));
  return owner;
}

/** Uses many connections at once, so that each has prepared its statements. */
async function warmUp(handle: ReturnType<typeof createBatchHandler>): Promise<void> {
  await Promise.all(Array.from({ length: 8 }, () => handle(records(1), signal)));
}

const raising = `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not on a %', to_char(now(), 'Day'); end $$;
  create trigger refuses before insert on seen for each row execute function refuse()`;

const troubles: Record<string, readonly [string, string]> = {
  'a table is missing': ['alter table seen rename to gone', 'alter table gone rename to seen'],
  'a column is missing': ['alter table seen rename order_id to gone', 'alter table seen rename gone to order_id'],
  'a column is of another type': [
    'alter table seen alter order_id type integer using 1',
    'alter table seen alter order_id type uuid using null::uuid',
  ],
  'a function is missing': [
    `create function calls() returns trigger language plpgsql as $$ begin perform gone(new.order_id); return new; end $$;
      create trigger calls before insert on seen for each row execute function calls()`,
    'drop trigger calls on seen',
  ],
  'a trigger raises': [raising, 'drop trigger refuses on seen'],
  'a check refuses all there is': [
    'alter table seen add constraint by_hand check (order_id is null) not valid',
    'alter table seen drop constraint by_hand',
  ],
  'a column must not be null': [
    'alter table seen add must integer not null default 1; alter table seen alter must drop default',
    'alter table seen drop must',
  ],
  'the inbox has no partition': [
    'alter table inbox rename to whole; create table inbox (like whole including defaults) partition by range (event_id)',
    'drop table inbox; alter table whole rename to inbox',
  ],
};

for (const [what, [broken, repaired]] of Object.entries(troubles))
  test(`while ${what}, messages wait under one alarm and none is parked; when it is repaired they are handled`, async (t) => {
    const { pool, url } = await openDatabase(t);
    const owner = await openOwner(t, url);
    const evidence = hasty();
    const handle = createBatchHandler({ pool, participant: counting(), logger, evidence });
    await warmUp(handle);
    await owner.query(broken);
    const handled = handle(records(20), signal);
    try {
      await waitUntil('the alarm', () => evidence.trouble() !== null, 10_000);
    } finally {
      await owner.query(repaired);
    }
    assert.deepEqual(await handled, Array(20).fill('handled'));
    assert.equal(evidence.trouble(), null);
    assert.deepEqual(await parked(pool), []);
    assert.equal(await count(pool, 'seen'), 28);
  });

test('a column whose type is changed while connections have read it costs no message, and no wait', async (t) => {
  const { pool, url } = await openDatabase(t);
  const owner = await openOwner(t, url);
  const evidence = createEvidence();
  const handle = createBatchHandler({ pool, participant: counting(), logger, evidence });
  await warmUp(handle);
  await owner.query('alter table seen alter place type bigint');
  const beganAtMs = performance.now();
  assert.deepEqual(await handle(records(3), signal), Array(3).fill('handled'));
  assert.ok(performance.now() - beganAtMs < 500, 'it went on at once');
  await warmUp(handle);
  assert.deepEqual(await parked(pool), []);
});

test('what fails is told by the statement that failed, not by those that travelled with it', async (t) => {
  const { pool } = await openDatabase(t);
  const failing = inTransaction(pool, async (tx) => {
    const first = tx.query('select 1 / 0');
    const second = tx.query('select 1');
    await first.catch(() => undefined);
    await second;
  });
  await assert.rejects(failing, { code: '22012' });
});

test('a command that meets a column of another type is done at once, and one that may do nothing is refused for now', async (t) => {
  const { pool, url } = await openDatabase(t);
  const owner = await openOwner(t, url);
  const read = (tx: Transaction) => tx.query({ name: 'read-seen', text: 'select * from seen' });
  await Promise.all(Array.from({ length: 8 }, () => inTransaction(pool, read)));
  await owner.query('alter table seen alter place type bigint');
  await inRetriedTransaction(pool, read);
  await owner.query('alter table seen rename to gone');
  await assert.rejects(inRetriedTransaction(pool, read), (error) => {
    const { status, headers } = problemOf(error);
    assert.deepEqual([status, headers['retry-after']], [503, '1']);
    return true;
  });
});

test('statements that a connection has forgotten are prepared again on another', async (t) => {
  const { pool } = await openDatabase(t);
  const handle = createBatchHandler({ pool, participant: counting(), logger });
  await warmUp(handle);
  await Promise.all(Array.from({ length: 8 }, () => pool.query('deallocate all')));
  assert.deepEqual(await handle(records(2), signal), ['handled', 'handled']);
  assert.deepEqual(await parked(pool), []);
});

test('a right that is revoked and given back costs no message, not even the only one', async (t) => {
  const { url } = await openDatabase(t);
  const owner = await openOwner(t, url);
  const pool = await openAsRole(t, owner, url);
  const evidence = hasty();
  const handle = createBatchHandler({ pool, participant: counting(), logger, evidence });
  await handle(records(1), signal);
  await owner.query(`revoke insert on seen from ${roleOf(url)}`);
  const handled = handle(records(1), signal);
  await waitUntil('the alarm', () => /paused for [2-9]\d s.*42501/.test(evidence.trouble() ?? ''), 20_000);
  await owner.query(`grant insert on seen to ${roleOf(url)}`);
  assert.deepEqual(await handled, ['handled']);
  assert.deepEqual(await parked(pool), []);
});

test('a database that was opened for reading only is written to again by new connections', async (t) => {
  const { pool, url } = await openDatabase(t);
  const owner = await openOwner(t, url);
  const handle = createBatchHandler({ pool, participant: counting(), logger });
  const database = new URL(url).pathname.slice(1);
  await owner.query(`alter database ${database} set default_transaction_read_only = on`);
  const readers = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => readers.end());
  const handleReadOnly = createBatchHandler({ pool: readers, participant: counting(), logger });
  await readers.query('select 1');
  await owner.query(
    `set default_transaction_read_only = off; alter database ${database} reset default_transaction_read_only`,
  );
  assert.deepEqual(await handleReadOnly(records(1), signal), ['handled']);
  assert.deepEqual(await handle(records(1), signal), ['handled']);
});

test('a message that fails while others of its type succeed is parked at once and holds up none of them', async (t) => {
  const { pool } = await openDatabase(t);
  const poison = new Set(Array.from({ length: 20 }, () => newId<OrderId>()));
  const participant = counting((orderId) => {
    if (poison.has(orderId)) throw new TypeError('x is not a function');
  });
  const evidence = createEvidence();
  const handle = createBatchHandler({ pool, participant, logger, evidence });
  const batch = [...[...poison].map((orderId) => recordOf(placed(orderId))), ...records(20)];
  const beganAtMs = performance.now();
  assert.deepEqual(await handle(batch, signal), [...Array(20).fill('parked'), ...Array(20).fill('handled')]);
  assert.ok(performance.now() - beganAtMs < 5_000, 'nobody waited for evidence');
  assert.equal(evidence.trouble(), null);
  assert.deepEqual(await parked(pool), Array(20).fill('handler_failed'));
});

test('messages that all fail alike wait until an operator says that they are at fault: then they are parked', async (t) => {
  const { pool } = await openDatabase(t);
  const participant = counting(() => {
    throw new TypeError('x is not a function');
  });
  const evidence = createEvidence();
  const handle = createBatchHandler({ pool, participant, logger, evidence });
  const handled = handle(records(10), signal);
  await waitUntil('the alarm', () => evidence.trouble() !== null, 10_000);
  assert.deepEqual(await parked(pool), []);
  evidence.pause()?.release();
  assert.deepEqual(await handled, Array(10).fill('parked'));
});

test('a message that was parked for want of anything to compare is handled by itself once another of its type is', async (t) => {
  const { pool, url } = await openDatabase(t);
  const owner = await openOwner(t, url);
  const handle = createBatchHandler({ pool, participant: counting(), logger, evidence: hasty() });
  await owner.query(raising);
  const orderId = newId<OrderId>();
  assert.deepEqual(await handle([placed(orderId), placed(orderId)].map(recordOf), signal), ['parked', 'parked']);
  await owner.query('drop trigger refuses on seen');
  assert.deepEqual(await handle(records(1), signal), ['handled']);
  const { rows } = await pool.query<{ status: string; operator: string }>(
    'select status, operator from parked_messages join parked_acts using (message_id) order by parked_id',
  );
  assert.deepEqual(
    rows.map(({ status, operator }) => `${status} by ${operator}`),
    Array(2).fill('replayed by the service itself'),
  );
  assert.equal(await count(pool, 'seen'), 3);
});

test('a replay that fails because of the place is refused for now and is no attempt', async (t) => {
  const { pool, url } = await openDatabase(t);
  const owner = await openOwner(t, url);
  let error: Error | undefined = new UnreachablePair('unknown', 'order.placed');
  const participant = counting(() => {
    if (error !== undefined) throw error;
  });
  const evidence = createEvidence();
  const handle = createBatchHandler({ pool, participant, logger, evidence });
  const act = createParkedActs({ pool, participant, logger, evidence });
  await handle(records(1), signal);
  const { rows } = await pool.query<{ id: string }>('select message_id as id from parked_messages');
  const replay = () => act({ act: 'replay', id: rows[0]?.id ?? '', operator: 'ada' });
  const isRefused = (cause: RegExp) => (refusal: Problem) => refusal.status === 503 && cause.test(refusal.message);

  error = new TypeError('x is not a function');
  const waiting = handle(records(3), signal);
  await waitUntil('the alarm', () => evidence.trouble() !== null, 10_000);
  await assert.rejects(replay(), isRefused(/x is not a function/));
  error = undefined;
  assert.deepEqual(await waiting, Array(3).fill('handled'));

  await owner.query('alter table seen rename to gone');
  await assert.rejects(replay(), isRefused(/relation "seen" does not exist/));
  await owner.query('alter table gone rename to seen');
  const after = await pool.query('select attempts, status from parked_messages');
  assert.deepEqual(after.rows, [{ attempts: 1, status: 'parked' }]);
  assert.equal((await replay()).status, 'replayed');
});

function roleOf(url: string): string {
  return `role_${new URL(url).pathname.slice(1)}`;
}

/** A pool of a role that may do what a service may, and no more. */
async function openAsRole(t: TestContext, owner: Client, url: string): Promise<Pool> {
  const role = roleOf(url);
  await owner.query(
    `create role ${role} login password 'x'; grant select, insert, update on all tables in schema public to ${role}`,
  );
  const own = new URL(url);
  own.username = role;
  own.password = 'x';
  const pool = createPool({ connectionString: own.href, applicationName: 'test' });
  t.after(async () => {
    await pool.end();
    const server = new Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
    await server.connect();
    await server.query(`drop role ${role}`);
    await server.end();
  });
  return pool;
}
