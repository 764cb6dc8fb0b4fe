import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterMax } from '@sagamart/contracts/bounds';
import { parseRecord, toRecord } from '@sagamart/contracts/cloud-event';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { transition, type Cause } from './transition.ts';

const clock = { now: () => new Date('2026-01-01T00:00:00.000Z'), newEventId: newId<EventId> };
const cause: Cause = { causationId: newId<EventId>(), lamport: 5, correlationId: 'c', traceparent: null };
const voided = { type: 'payment.voided', data: { orderId: newId<OrderId>() } } as const;

test('Lamport time is one more than the later of row and cause, also when nothing is said', () => {
  assert.deepEqual(transition('/x', { lamport: 2, version: 0 }, cause, [], clock), {
    lamport: 6,
    version: 0,
    events: [],
  });
  assert.deepEqual(transition('/x', { lamport: 8, version: 3 }, cause, [], clock), {
    lamport: 9,
    version: 3,
    events: [],
  });
});

test('all that one transition says carries its Lamport time, with versions that rise by one', () => {
  const { version, lamport, events } = transition('/x', { lamport: 2, version: 3 }, cause, [voided, voided], clock);
  assert.deepEqual([version, lamport], [5, 6]);
  assert.deepEqual(
    events.map((event) => [event.aggregateVersion, event.lamport, event.causationId]),
    [
      [4, 6, cause.causationId],
      [5, 6, cause.causationId],
    ],
  );
  assert.notEqual(events[0]?.id, events[1]?.id);
});

test('at the highest time that can be read, time stands still, and what is said is read by all', () => {
  for (const late of [counterMax - 1, counterMax, 999_999_999_999_999]) {
    for (const [row, heard] of [
      [late, 1],
      [1, late],
    ] as const) {
      const said = transition('/x', { lamport: row, version: 0 }, { ...cause, lamport: heard }, [voided], clock);
      assert.equal(said.lamport, counterMax);
      for (const event of said.events) assert.equal(parseRecord(toRecord(event)).kind, 'known');
    }
  }
});
