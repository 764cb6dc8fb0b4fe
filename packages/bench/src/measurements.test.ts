import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Books, OutboxRow, TopicRecord } from '@sagamart/auditor/books';
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
  const rows: OutboxRow[] = [];
  const records: TopicRecord[] = [];
  const say = (type: string, key: string, writtenAtMs: number, timestampMs: number) => {
    const event = {
      id: type,
      topic: 't',
      key,
      type,
      source: '/s',
      version: 1,
      lamport: 1,
      causationId: null,
      data: '{}',
    };
    rows.push({ ...event, writtenAtMs });
    records.push({ ...event, partition: 0, offset: 0, timestampMs });
    // Delivered again after a crash: only the first time counts.
    records.push({ ...event, partition: 0, offset: 1, timestampMs: timestampMs + 9_000 });
  };
  say('order.placed', 'one', 1_010, 1_015);
  say('stock.reserved', 'one', 1_020, 1_026);
  say('payment.captured', 'one', 1_040, 1_047);
  say('order.confirmed', 'one', 1_050, 1_060);
  say('order.placed', 'other', 1_010, 1_015);
  const none = { outbox: [], inbox: [], parked: [], outboxHoldsFromMs: 0 };
  const messages: Books['messages'] = {
    order: { ...none, outbox: rows },
    inventory: none,
    payment: none,
    notification: none,
  };

  const sent = [
    { orderId: 'one', sentAtMs: 1_000, acceptedAtMs: 1_012 },
    { orderId: 'other', sentAtMs: 1_000, acceptedAtMs: 1_014 },
  ];
  const measured = measure(sent, { messages, records });
  assert.deepEqual([measured.accepted.p50, measured.accepted.max], [12, 14]);
  assert.deepEqual([measured.confirmedCount, measured.confirmed.max, measured.lastConfirmedAtMs], [1, 50, 1_050]);
  assert.deepEqual(
    measured.legs.map(({ spans }) => spans.p50),
    [10, 5, 5, 6, 14, 7, 3],
  );
});
