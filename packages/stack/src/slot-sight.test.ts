import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeSlot, seeSlot, SLOT_STILL_MS_MAX, unsoundSlot } from './slot-sight.ts';

test('a slot that moves is no alarm, however long it is watched', () => {
  let sight = seeSlot(undefined, { active: true, flushedLsn: '0/1' }, 0);
  for (let look = 1; look <= 10; look += 1) {
    sight = seeSlot(sight, { active: true, flushedLsn: `0/${look + 1}` }, look * 5_000);
    assert.equal(judgeSlot('order-outbox', sight, look * 5_000), undefined);
  }
});

test('a slot that is connected but stands still is an alarm, though its connector says RUNNING', () => {
  const first = seeSlot(undefined, { active: true, flushedLsn: '0/1' }, 0);
  const later = seeSlot(first, { active: true, flushedLsn: '0/1' }, SLOT_STILL_MS_MAX);
  assert.equal(judgeSlot('order-outbox', later, SLOT_STILL_MS_MAX), undefined);
  assert.match(
    judgeSlot('order-outbox', later, SLOT_STILL_MS_MAX + 1) ?? '',
    /order-outbox is connected but its slot has not moved for 14 s/,
  );
});

test('a slot nobody reads is an alarm, and the time begins anew when its reader comes and goes', () => {
  const read = seeSlot(undefined, { active: true, flushedLsn: '0/1' }, 0);
  const left = seeSlot(read, { active: false, flushedLsn: '0/1' }, 10_000);
  assert.equal(judgeSlot('order-outbox', left, 20_000), undefined);
  assert.match(judgeSlot('order-outbox', left, 25_000) ?? '', /nobody has read the slot of order-outbox for 15 s/);
});

test('a slot that has missed something is an alarm that names the command to heal it', () => {
  assert.equal(
    unsoundSlot('order', 'missing'),
    'the slot of order-db is gone: events are missing in Kafka. Heal it with: npm run stack -- heal order',
  );
});
