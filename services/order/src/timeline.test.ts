import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causalOrder, causeWaitMs, type TimelineEntry } from './timeline.ts';

const arrivedAt = new Date('2026-01-01T12:00:00.000Z');
const soon = new Date(arrivedAt.getTime() + 1_000);
const late = new Date(arrivedAt.getTime() + causeWaitMs);

function entry(
  id: string,
  lamport: number,
  causationId: string | null,
  more: Partial<TimelineEntry> = {},
): TimelineEntry {
  const rest = { type: 'order.placed', source: '/order', time: '', version: 1, traceId: null, data: {}, arrivedAt };
  return { ...rest, id, lamport, causationId, ...more };
}

const ids = (entries: TimelineEntry[], now: Date) =>
  causalOrder(entries, now).map((each) => (each.causeMissing ? `${each.id}?` : each.id));

test('a timeline is sorted by cause, whatever the order of arrival and whatever the clocks say', () => {
  const placed = entry('placed', 1, null, { time: '2026-01-01T23:00:00.000Z' });
  const reserved = entry('reserved', 2, 'placed', { source: '/inventory', time: '2026-01-01T01:00:00.000Z' });
  const captured = entry('captured', 4, 'reserved', { source: '/payment' });
  assert.deepEqual(ids([captured, reserved, placed], soon), ['placed', 'reserved', 'captured']);
});

test('events of one Lamport time are sorted by source, then by version', () => {
  const placed = entry('placed', 1, null);
  const a = entry('a', 2, 'placed', { source: '/inventory', version: 2 });
  const b = entry('b', 2, 'placed', { source: '/inventory', version: 1 });
  const c = entry('c', 2, 'placed', { source: '/apple' });
  assert.deepEqual(ids([placed, a, b, c], soon), ['placed', 'c', 'b', 'a']);
});

test('an event waits for its cause, and what it caused waits with it', () => {
  const placed = entry('placed', 1, null);
  const captured = entry('captured', 4, 'reserved');
  const confirmed = entry('confirmed', 5, 'captured');
  assert.deepEqual(ids([placed, captured, confirmed], soon), ['placed']);
});

test('after thirty seconds an event is shown without its cause, and says so', () => {
  const placed = entry('placed', 1, null);
  const captured = entry('captured', 4, 'reserved');
  const confirmed = entry('confirmed', 5, 'captured');
  assert.deepEqual(ids([placed, captured, confirmed], late), ['placed', 'captured?', 'confirmed']);
});

test('where time stands still at its end, an event follows its cause all the same, and none is lost that names itself', () => {
  const placed = entry('placed', 9, null);
  const cancelled = entry('cancelled', 9, 'placed', { version: 2 });
  const released = entry('released', 9, 'cancelled', { source: '/inventory' });
  const itself = entry('itself', 9, 'itself', { source: '/a' });
  assert.deepEqual(ids([released, cancelled, itself, placed], soon), ['placed', 'cancelled', 'released']);
  assert.deepEqual(ids([released, cancelled, itself, placed], late), ['placed', 'cancelled', 'released', 'itself?']);
});
