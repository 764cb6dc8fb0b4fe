import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Moment } from '@sagamart/auditor/notebook';
import { measure, percentiles } from './measurements.ts';

test('percentiles are exact by nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(percentiles(values), { p50: 50, p95: 95, p99: 99, max: 100 });
  assert.deepEqual(percentiles([7]), { p50: 7, p95: 7, p99: 7, max: 7 });
});

test('percentiles of nothing are no number', () => {
  assert.ok(Number.isNaN(percentiles([]).p50));
});

test('the legs from sending to confirmed add up, and an order that was not confirmed counts only as accepted', () => {
  const events: Moment[] = [];
  const say = (type: string, key: string, writtenAtMs: number, timestampMs: number | null) =>
    void events.push({ type, key, writtenAtMs, timestampMs });
  say('order.placed', 'one', 1_010, 1_015);
  say('stock.reserved', 'one', 1_020, 1_026);
  say('payment.captured', 'one', 1_040, 1_047);
  say('order.confirmed', 'one', 1_050, 1_060);
  say('order.placed', 'other', 1_010, 1_015);

  const sent = [
    { orderId: 'one', sentAtMs: 1_000, acceptedAtMs: 1_012 },
    { orderId: 'other', sentAtMs: 1_000, acceptedAtMs: 1_014 },
  ];
  const measured = measure(sent, events);
  assert.deepEqual([measured.accepted.p50, measured.accepted.max], [12, 14]);
  assert.deepEqual([measured.confirmedCount, measured.confirmed.max, measured.lastConfirmedAtMs], [1, 50, 1_050]);
  assert.deepEqual(
    measured.legs.map(({ spans }) => spans.p50),
    [10, 5, 5, 6, 14, 7, 3],
  );
});
