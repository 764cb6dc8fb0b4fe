import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { createPool } from './database.ts';
import { outboxAlarm } from './outbox-alarm.ts';
import { say, slottedOutbox } from './slotted-outbox-fixture.ts';

const alarmWithinMs = 20_000;

test('an outbox whose slot nobody reads is an alarm within 20 s, said in words, though nothing waits in it', async (t) => {
  const { url, owner, alarm } = await watchedOutbox(t);
  assert.equal(await alarm(), null, url);
  const unread = await waitUntil('it is an alarm', alarm, alarmWithinMs);
  assert.match(unread, /^outbox not published: nobody has read its slot for 1\d s/);
  await say(owner, 'k', 1);
  await owner.query(
    `alter table outbox alter column created_at set default (clock_timestamp() at time zone 'utc') - interval '20 s'`,
  );
  await say(owner, 'k', 2);
  assert.match((await alarm()) ?? '', /events waiting: 2, the first for 2\d s/);
});

test('Debezium that reads but is not heard of is an alarm, and one that is heard of again is none', async (t) => {
  const { owner, alarm } = await watchedOutbox(t);
  await owner.query(`insert into debezium_heartbeat values (1, clock_timestamp() - interval '13 s')`);
  assert.match((await alarm()) ?? '', /Debezium was last heard of 13 s ago/);
  await owner.query('update debezium_heartbeat set beat_at = clock_timestamp()');
  assert.equal(await alarm(), null);
});

test('an outbox whose slot is gone is an alarm at once, with the command that heals it', async (t) => {
  const { slot, owner, alarm } = await watchedOutbox(t);
  await owner.query('select pg_drop_replication_slot($1)', [slot]);
  assert.match((await alarm()) ?? '', /its slot is missing \(npm run stack -- heal\)/);
});

async function watchedOutbox(t: Parameters<typeof slottedOutbox>[0]) {
  const outbox = await slottedOutbox(t);
  const pool = createPool({ connectionString: outbox.url, applicationName: 'test' });
  outbox.closeWith(() => pool.end());
  return { ...outbox, alarm: async () => outboxAlarm(pool).check() };
}
