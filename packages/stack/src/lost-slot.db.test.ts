import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureWindow, readOutboxSlot, renewSlot, sayAgain } from '@sagamart/service-kit/outbox-slot';
import { Client } from 'pg';
import { healOutbox } from './heal.ts';
import { readSettings } from './settings.ts';
import { openTestServers } from './test-servers.ts';

test('a slot that fell too far behind is lost, is seen to be, and is not made anew for more than it can hold', async (t) => {
  // A server of its own: the limit is one for all slots of a server.
  const { env, close } = await openTestServers({ withKafka: false, signal: t.signal });
  t.after(close);
  const url = new URL(env.TEST_POSTGRES_URL ?? '');
  url.pathname = '/order_db';
  const superuser = new Client({ connectionString: url.href });
  await superuser.connect();
  try {
    assert.equal((await readOutboxSlot(superuser)).state, 'sound');
    for (const sql of [
      `alter system set max_slot_wal_keep_size = '16MB'`,
      'select pg_reload_conf()',
      `create table noise as select repeat('x', 1000) from generate_series(1, 64000)`,
      'select pg_switch_wal()',
      'checkpoint',
    ])
      await superuser.query(sql);
    assert.equal((await readOutboxSlot(superuser)).state, 'lost');

    await superuser.query(manyEventsSql);
    const settings = readSettings({ ...process.env, ORDER_DB_PORT: url.port });
    const healing = healOutbox(settings, 'order', { say: () => undefined });
    await assert.rejects(healing, { code: 'window_too_large', message: /16 MB .*--since a later moment/ });
    assert.equal((await readOutboxSlot(superuser)).state, 'lost', 'nothing was changed');
    assert.equal((await measureWindow(superuser, new Date())).logBytes, 0);

    await renewSlot(superuser, 'outbox');
    await sayAgain(superuser, { renewedSlot: 'outbox' });
    assert.equal((await readOutboxSlot(superuser)).state, 'sound');
  } finally {
    await superuser.end();
  }
});

const manyEventsSql = `
  insert into outbox (event_id, topic, partition_key, type, source, subject, time, data_schema, correlation_id, aggregate_version, lamport, data)
  select uuidv7(), 'order.events', n, 't', '/s', n, 'now', 'd', 'c', 1, 1, json_build_object('text', repeat('x', 1000)) from generate_series(1, 5000) n`;
