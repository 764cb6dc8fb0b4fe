import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import type { Pool } from 'pg';
import { createPool } from './database.ts';
import { migrateDatabase } from './migrate.ts';

/** `cleanUp` runs while the database is still there: node:test runs after-hooks in the order of their registration. */
async function emptyDatabase(t: TestContext, cleanUp: (pool: Pool) => Promise<unknown> = async () => undefined) {
  const opened: Pool[] = [];
  t.after(() => Promise.all(opened.map(cleanUp)));
  const { url } = await freshDatabase(t, { template: 'empty', migrate: async () => undefined });
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  t.after(() => rm(folder, { recursive: true }));
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  opened.push(pool);
  return { url, folder, pool };
}

test('every file is applied once, the kit first, also when several processes migrate at once', async (t) => {
  const { url, folder } = await emptyDatabase(t);
  await writeFile(join(folder, '0001-a.sql'), 'create table a (n integer);');
  await writeFile(join(folder, '0002-b.sql'), 'insert into a values (1);');
  const runs = await Promise.all([1, 2, 3].map(() => migrateDatabase({ ownerUrl: url, folder })));
  assert.deepEqual(
    runs.flatMap(({ applied }) => applied),
    [
      'kit/0001-messaging.sql',
      'kit/0002-parked-acts.sql',
      'kit/0003-outbox-position.sql',
      'kit/0004-keeping.sql',
      'kit/0005-topic-ids.sql',
      'kit/0006-bounds.sql',
      'kit/0007-clocks.sql',
      'kit/0008-pause-releases.sql',
      'service/0001-a.sql',
      'service/0002-b.sql',
    ],
  );
});

test('a file that was changed after it was applied is refused', async (t) => {
  const { url, folder } = await emptyDatabase(t);
  await writeFile(join(folder, '0001-a.sql'), 'create table a (n integer);');
  await migrateDatabase({ ownerUrl: url, folder });
  await writeFile(join(folder, '0001-a.sql'), 'create table a (n bigint);');
  await assert.rejects(migrateDatabase({ ownerUrl: url, folder }), /0001-a\.sql was changed after it was applied/);
});

test('a file that fails leaves nothing of itself and names itself', async (t) => {
  const { url, folder, pool } = await emptyDatabase(t);
  await writeFile(join(folder, '0001-a.sql'), 'create table a (n integer); select 1/0;');
  await assert.rejects(migrateDatabase({ ownerUrl: url, folder }), /service\/0001-a\.sql failed: .*division by zero/);
  const { rows } = await pool.query(`select to_regclass('a') as found`);
  assert.deepEqual(rows, [{ found: null }]);
});

test('the application may add to the append-only tables and never change them', async (t) => {
  const role = `app_${process.pid}`;
  const { url, folder, pool } = await emptyDatabase(t, async (owner) => {
    await owner.query(`drop owned by ${role}`);
    await owner.query(`drop role ${role}`);
  });
  await pool.query(`create role ${role}`);
  const tables = `create table notes (n integer); create table history (n integer); comment on table history is 'append-only: test';`;
  await writeFile(join(folder, '0001-a.sql'), tables);
  await migrateDatabase({ ownerUrl: url, folder, appRole: role });
  const may = async (table: string, right: string) => {
    const { rows } = await pool.query<{ may: boolean }>('select has_table_privilege($1, $2, $3) as may', [
      role,
      table,
      right,
    ]);
    return rows[0]?.may;
  };
  for (const right of ['select', 'insert', 'update', 'delete']) assert.equal(await may('notes', right), true, right);
  const { rows: partitions } = await pool.query<{ name: string }>(
    'select inhrelid::regclass::text as name from pg_inherits where inhrelid::regclass::text not like $1',
    ['%_pkey'],
  );
  assert.ok(partitions.length > 20);
  for (const { name } of partitions) assert.equal(await may(name, 'delete'), false, name);
  for (const table of ['outbox', 'inbox', 'idempotency_keys', 'history']) {
    assert.equal(await may(table, 'insert'), true, table);
    assert.equal(await may(table, 'update'), false, table);
    assert.equal(await may(table, 'delete'), false, table);
  }
  for (const table of ['schema_migrations', 'outbox_slot', 'detached_partitions'])
    assert.equal(await may(table, 'insert'), false, table);
  const mayCall = async (call: string) => {
    const { rows } = await pool.query<{ may: boolean }>(`select has_function_privilege($1, $2, 'execute') as may`, [
      role,
      call,
    ]);
    return rows[0]?.may;
  };
  assert.equal(await mayCall('prune_messages()'), true);
  assert.equal(await mayCall('prune_messages_at(timestamptz)'), false, 'it may not choose what is old');
  assert.equal(await mayCall('reattach_partitions()'), false);
});

test('the slot is made once and the first row written after it is published', async (t) => {
  const slot = `slot_${process.pid}`;
  const { url, folder, pool } = await emptyDatabase(t, (owner) =>
    owner.query('select pg_drop_replication_slot($1)', [slot]),
  );
  await migrateDatabase({ ownerUrl: url, folder, replicationSlot: slot });
  await migrateDatabase({ ownerUrl: url, folder, replicationSlot: slot });
  await pool.query(`insert into outbox (event_id, topic, partition_key, type, source, subject, time, data_schema, correlation_id, aggregate_version, lamport, data)
    values (uuidv7(), 'order.events', 'k', 't', '/s', 'k', 'now', 'd', 'c', 1, 1, '{}')`);
  const { rows } = await pool.query<{ n: number }>(
    `select count(*) as n from pg_logical_slot_get_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'outbox')
     where get_byte(data, 0) = ascii('I')`,
    [slot],
  );
  assert.deepEqual(rows, [{ n: 1 }]);
});

test('there is a partition for every day on which an event can be said or heard', async (t) => {
  const { url, folder, pool } = await emptyDatabase(t);
  await migrateDatabase({ ownerUrl: url, folder });
  const { rows } = await pool.query<{ parent: string; n: number }>(
    `select inhparent::regclass::text as parent, count(*) as n from pg_inherits where inhparent in ('outbox'::regclass, 'inbox'::regclass) group by 1 order by 1`,
  );
  assert.deepEqual(rows, [
    { parent: 'inbox', n: 19 },
    { parent: 'outbox', n: 5 },
  ]);
});
