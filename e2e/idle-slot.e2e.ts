import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { enterShop } from './shop-under-test.ts';

const { shop } = await enterShop();

const mib = 1024 * 1024;
// Each of somewhat more than 1 kB.
const noiseRows = 48_000;
const retainedBytesMax = 16 * mib;
// PostgreSQL notes every 15 s from where a slot could start again; the heartbeats confirm that every 5 s.
const moveDeadlineMs = 60_000;

test('a database that says nothing does not keep its log for Debezium, however much else is written to it', async () => {
  const owner = new Client({ connectionString: ownerUrl(shop, 'notification') });
  await owner.connect();
  const retainedBytes = async () => {
    const { rows } = await owner.query<{ bytes: number }>(
      `select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 as bytes from pg_replication_slots where slot_name = 'outbox'`,
    );
    return rows[0]?.bytes ?? Number.NaN;
  };
  try {
    await owner.query('create table noise (text text)');
    await owner.query(`insert into noise select repeat('x', 1000) from generate_series(1, $1)`, [noiseRows]);
    assert.ok((await retainedBytes()) > retainedBytesMax, 'the noise is in the log');
    const isLittle = async () => (await retainedBytes()) < retainedBytesMax;
    await waitUntil(`the slot retains less than ${retainedBytesMax / mib} MiB`, isLittle, moveDeadlineMs);
  } finally {
    await owner.query('drop table if exists noise');
    await owner.end();
  }
});
