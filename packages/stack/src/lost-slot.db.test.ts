import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOutboxSlot, renewSlot, sayAgain } from '@sagamart/service-kit/outbox-slot';
import { Client } from 'pg';
import { openTestServers } from './test-servers.ts';

test('a slot that fell too far behind is lost, is seen to be, and can be made anew', async (t) => {
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
    await renewSlot(superuser, 'outbox');
    await sayAgain(superuser, { renewedSlot: 'outbox' });
    assert.equal((await readOutboxSlot(superuser)).state, 'sound');
  } finally {
    await superuser.end();
  }
});
