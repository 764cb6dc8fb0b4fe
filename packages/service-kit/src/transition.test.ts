import assert from 'node:assert/strict';
import { test } from 'node:test';
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
