import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from 'pg';
import { createLogger } from '@sagamart/telemetry/logger';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { createPool } from './database.ts';
import { renewSlot, sayAgain } from './outbox-slot.ts';
import { keepPartitions } from './partitions.ts';
import { say, slottedOutbox } from './slotted-outbox-fixture.ts';

// Any range that no other partition has.
const [floor, ceiling] = ['00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002'];

test('a day of the outbox goes once all of it is a week old and the slot has passed it', async (t) => {
  const { owner, publish } = await slottedOutbox(t);
  const id = await say(owner, 'k', 1);
  await prune(owner, { days: 6 });
  assert.equal(await holds(owner, id), true, 'only yesterday is over for a week then');
  await publish();
  assert.deepEqual(outboxOf(await prune(owner, { days: 7 })), [await partitionOf(owner, -1)]);
  assert.equal(await holds(owner, id), false);
  await publish();
  assert.deepEqual(outboxOf(await prune(owner, { days: 7 })), [await partitionOf(owner, 0)]);
});

test('a detached day stays for as long as the slot has not passed it', async (t) => {
  const { owner, publish } = await slottedOutbox(t);
  const id = await say(owner, 'k', 1);
  for (let calls = 1; calls <= 3; calls += 1) assert.deepEqual(outboxOf(await prune(owner, { days: 7 })), []);
  assert.equal(await holds(owner, id), false);
  assert.deepEqual(await publish(), [id]);
  assert.equal(outboxOf(await prune(owner, { days: 7 })).length, 2);
});

test('a day that somebody still writes to stays whole, and goes when the writer is done', async (t) => {
  const { owner, connect, publish } = await slottedOutbox(t);
  const writer = await connect();
  await writer.query('begin');
  const id = await say(writer, 'k', 1);
  await assert.rejects(prune(owner, { days: 7 }), { code: '55P03' });
  assert.equal(await attached(owner, await partitionOf(owner, 0)), true);
  await writer.query('commit');
  await prune(owner, { days: 7 });
  assert.deepEqual(await publish(), [id]);
  assert.equal(outboxOf(await prune(owner, { days: 7 })).length, 2);
});

for (const { what, spoil } of [
  { what: 'is gone', spoil: async () => undefined },
  {
    what: 'was made again',
    spoil: (owner: Client, slot: string) =>
      owner.query(`select pg_create_logical_replication_slot($1, 'pgoutput', false, true)`, [slot]),
  },
]) {
  test(`nothing of the outbox goes while its slot ${what}, and after healing it is said again before it goes`, async (t) => {
    const { slot, owner, publish } = await slottedOutbox(t);
    const detached = await say(owner, 'k', 1);
    await prune(owner, { days: 7 });
    await owner.query('select pg_drop_replication_slot($1)', [slot]);
    await spoil(owner, slot);
    assert.deepEqual(outboxOf(await prune(owner, { days: 30 })), []);
    assert.equal(await attached(owner, await partitionOf(owner, 1)), true, 'nothing more is detached either');

    await renewSlot(owner, slot);
    assert.deepEqual(
      outboxOf(await prune(owner, { days: 30 })),
      [],
      'a new slot has passed everything and published nothing',
    );
    assert.equal(await sayAgain(owner, { renewedSlot: slot }), 1);
    await prune(owner, { days: 7 });
    assert.deepEqual(outboxOf(await prune(owner, { days: 7 })), [], 'detached again, and not yet passed');
    assert.deepEqual(await publish(), [detached]);
    assert.equal(outboxOf(await prune(owner, { days: 7 })).length, 2);
  });
}

test('the inbox remembers for fifteen days, whatever the slot does', async (t) => {
  const { slot, owner } = await slottedOutbox(t);
  await owner.query('select pg_drop_replication_slot($1)', [slot]);
  assert.deepEqual(await prune(owner, { days: 0 }), []);
  assert.deepEqual(await prune(owner, { days: 1 }), [(await partitionOf(owner, -15)).replace('outbox', 'inbox')]);
});

test('a service sees to it by itself, without a right to drop anything', async (t) => {
  const { owner, url } = await slottedOutbox(t);
  const role = `pruner_${process.pid}`;
  await owner.query(`create role ${role}`);
  const old = (await partitionOf(owner, -16)).replace('outbox', 'inbox');
  await owner.query(`create table ${old} partition of inbox for values from ('${floor}') to ('${ceiling}')`);
  const pool = createPool({ connectionString: `${url}?options=-c%20role%3D${role}`, applicationName: 'test' });
  try {
    const partitions = await keepPartitions(pool, createLogger({ service: 'test', level: 'silent' }));
    partitions.stop();
    const isGone = async () => (await owner.query('select to_regclass($1) as found', [old])).rows[0]?.found === null;
    await waitUntil(`${old} is dropped`, isGone);
  } finally {
    await pool.end();
    await owner.query(`drop role ${role}`);
  }
});

/** Prunes as the service would these many days from now; resolves with the partitions that were dropped. */
async function prune(owner: Client, { days }: { days: number }): Promise<string[]> {
  const sql = `select prune_messages_at(now() + make_interval(days => $1)) as dropped`;
  return (await owner.query<{ dropped: string }>(sql, [days])).rows.map(({ dropped }) => dropped);
}

function outboxOf(partitions: readonly string[]): string[] {
  return partitions.filter((name) => name.startsWith('outbox'));
}

async function partitionOf(owner: Client, days: number): Promise<string> {
  const sql = `select 'outbox_' || to_char(now() at time zone 'utc' + make_interval(days => $1), 'YYYY_MM_DD') as name`;
  return (await owner.query<{ name: string }>(sql, [days])).rows[0]?.name ?? '';
}

async function holds(owner: Client, id: string): Promise<boolean> {
  return (await owner.query('select from outbox where event_id = $1', [id])).rowCount === 1;
}

async function attached(owner: Client, partition: string): Promise<boolean> {
  return (await owner.query('select from pg_inherits where inhrelid = $1::regclass', [partition])).rowCount === 1;
}
