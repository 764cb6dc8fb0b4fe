import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { Client } from 'pg';
import { readOutboxSlot, renewSlot, sayAgain } from './outbox-slot.ts';
import { say, slottedOutbox } from './slotted-outbox-fixture.ts';

test('a slot is made for an outbox that has said nothing, and never by itself for one that has', async (t) => {
  const { slot, owner, migrate } = await slottedOutbox(t);
  assert.equal((await readOutboxSlot(owner)).state, 'sound');
  await say(owner, 'k', 1);
  await owner.query('select pg_drop_replication_slot($1)', [slot]);
  await migrate();
  assert.equal((await readOutboxSlot(owner)).state, 'missing');
  await owner.query('delete from outbox_slot');
  await migrate();
  assert.equal((await readOutboxSlot(owner)).state, 'unknown');
});

for (const twophase of [false, true]) {
  test(`a slot that somebody made again under the same name (twophase ${twophase}) is not sound`, async (t) => {
    const { slot, owner } = await slottedOutbox(t);
    await owner.query('select pg_drop_replication_slot($1)', [slot]);
    await owner.query(`select pg_create_logical_replication_slot($1, 'pgoutput', false, $2)`, [slot, twophase]);
    assert.equal((await readOutboxSlot(owner)).state, 'made_again');
  });
}

test('what the outbox holds is said again byte for byte, and of each key in the order of its versions', async (t) => {
  const { owner, publish } = await slottedOutbox(t);
  const second = await say(owner, 'b', 2);
  const other = await say(owner, 'a', 1);
  const first = await say(owner, 'b', 1);
  assert.deepEqual(await publish(), [second, other, first]);
  const before = await outbox(owner);
  assert.equal(await sayAgain(owner, {}), 3);
  assert.deepEqual(await publish(), [other, first, second]);
  assert.deepEqual(await outbox(owner), before);
});

test('only what was said since a moment is said again, where one is given', async (t) => {
  const { owner, publish } = await slottedOutbox(t);
  await say(owner, 'k', 1);
  const saidMs = Date.now();
  // A moment is given in milliseconds.
  await waitUntil('the clock to move on', () => Date.now() > saidMs);
  const since = new Date();
  const later = await say(owner, 'k', 2);
  await publish();
  assert.equal(await sayAgain(owner, { since }), 1);
  assert.deepEqual(await publish(), [later]);
});

test('a renewed slot begins with what was missed, whatever is written while it is made, and is sound from then on', async (t) => {
  const { slot, owner, connect, publish } = await slottedOutbox(t);
  const published = await say(owner, 'k', 1);
  await publish();
  await owner.query('select pg_drop_replication_slot($1)', [slot]);
  const missed = await say(owner, 'k', 2);
  await renewSlot(owner, slot);
  assert.equal((await readOutboxSlot(owner)).state, 'made_again');
  const between = await say(owner, 'k', 3);

  const writer = await connect();
  await writer.query('begin');
  const uncommitted = await say(writer, 'k', 4);
  const healing = sayAgain(owner, { renewedSlot: slot });
  const watcher = await connect();
  const waiters = async () => (await watcher.query(waitersSql)).rowCount;
  await waitUntil('healing waits for the writer', async () => (await waiters()) === 1);
  const later = say(await connect(), 'k', 5);
  await waitUntil('a later writer waits for healing', async () => (await waiters()) === 2);
  await writer.query('commit');

  assert.equal(await healing, 4);
  const last = await later;
  assert.deepEqual(await publish(), [published, missed, between, uncommitted, last]);
  assert.equal((await readOutboxSlot(owner)).state, 'sound');
});

test('a healing that is broken off after it wrote everything again leaves the alarm, and the next one loses and doubles nothing', async (t) => {
  const { slot, owner, connect, publish } = await slottedOutbox(t);
  const published = await say(owner, 'k', 1);
  await publish();
  await owner.query('select pg_drop_replication_slot($1)', [slot]);
  const missed = await say(owner, 'k', 2);

  const broken = await connect();
  broken.on('error', () => undefined);
  await renewSlot(broken, slot);
  const holder = await connect();
  await holder.query('begin; select from outbox_slot for update');
  const { processID } = broken as Client & { processID: number };
  const healing = assert.rejects(sayAgain(broken, { renewedSlot: slot }), /terminating connection/);
  const isHeld = `select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock' and query like 'delete from outbox_slot%'`;
  await waitUntil('all is written again', async () => (await owner.query(isHeld, [processID])).rowCount === 1);
  await owner.query('select pg_terminate_backend($1)', [processID]);
  await healing;
  await holder.query('rollback');
  assert.equal((await readOutboxSlot(owner)).state, 'made_again');

  const between = await say(owner, 'k', 3);
  await renewSlot(owner, slot);
  assert.equal(await sayAgain(owner, { renewedSlot: slot }), 3);
  const later = await say(owner, 'k', 4);
  assert.deepEqual(await publish(), [published, missed, between, later]);
  assert.equal((await readOutboxSlot(owner)).state, 'sound');
});

// In another test's database the outbox may have the same number.
const waitersSql = `select from pg_locks join pg_database on pg_database.oid = database
  where datname = current_database() and relation = 'outbox'::regclass and not granted`;

async function outbox(client: Client): Promise<unknown[]> {
  return (await client.query('select outbox::text from outbox order by event_id')).rows;
}
