import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterMax, cutText, dataBytesMax, depthMax, headerBytesMax, textLengthMax } from './bounds.ts';
import { parseRecord, toRecord, type KafkaRecord, type ShopEvent } from './cloud-event.ts';
import { newId, type EventId, type OrderId } from './ids.ts';

const declined: ShopEvent<'payment.declined'> = {
  type: 'payment.declined',
  data: { orderId: newId<OrderId>(), declineReason: 'no money' },
  id: newId<EventId>(),
  source: '/payment',
  time: '2026-01-01T00:00:00.000Z',
  subject: '',
  causationId: newId<EventId>(),
  correlationId: 'an order',
  aggregateVersion: 1,
  lamport: 1,
  traceparent: null,
};

function record(data: Record<string, unknown> = {}, headers: KafkaRecord['headers'] = {}): KafkaRecord {
  const { orderId } = declined.data;
  const whole = toRecord({ ...declined, subject: orderId });
  return {
    ...whole,
    value: JSON.stringify({ ...declined.data, ...data }),
    headers: { ...whole.headers, ...headers },
  };
}

function verdict(read: KafkaRecord): string {
  const parsed = parseRecord(read);
  return parsed.kind === 'refused' ? parsed.reason : parsed.kind;
}

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

test('what is as large as its bound is read, and what is larger is refused', () => {
  const reason = 'r'.repeat(textLengthMax.declineReason);
  const other = 'o'.repeat(textLengthMax.other);
  const filled = Array.from({ length: 65 }, () => other);
  const cases: [Record<string, unknown>, Record<string, unknown>][] = [
    [{ declineReason: reason }, { declineReason: `${reason}r` }],
    [{ ofTheFuture: other }, { ofTheFuture: `${other}o` }],
    [{ ofTheFuture: { name: 'n'.repeat(255) } }, { ofTheFuture: { name: 'n'.repeat(256) } }],
    [{ ofTheFuture: nested(depthMax - 2) }, { ofTheFuture: nested(depthMax) }],
    [{ ofTheFuture: nested(2) }, { ofTheFuture: nested(2_000) }],
    [{ ofTheFuture: filled }, { ofTheFuture: [...filled, other] }],
    [{ ofTheFuture: '2028-02-29T00:00:00.000Z' }, { ofTheFuture: '2026-02-29T00:00:00.000Z' }],
    [{ ofTheFuture: '1970-01-01T00:00:00.000Z' }, { ofTheFuture: '1969-12-31T23:59:59.999Z' }],
    [{ version: 2_147_483_647 }, { version: 2_147_483_648 }],
    [{ totalMinor: 1 }, { totalMinor: 0 }],
    [{ declineReason: '\uD83D\uDCB8' }, { declineReason: '\uD83D' }],
    [{ declineReason: '\u0001' }, { declineReason: '\0' }],
  ];
  for (const [within, beyond] of cases) {
    assert.equal(verdict(record(within)), 'known', JSON.stringify(within).slice(0, 60));
    assert.equal(verdict(record(beyond)), 'invalid_data', JSON.stringify(beyond).slice(0, 60));
  }
  assert.ok(JSON.stringify(filled).length < dataBytesMax);
});

test('a header is read up to its bound, in bytes', () => {
  for (const name of ['ce_correlationid', 'ce_source']) {
    const longest = 'é'.repeat((headerBytesMax - 1) / 2);
    assert.equal(verdict(record({}, { [name]: longest })), 'known', name);
    assert.equal(verdict(record({}, { [name]: `${longest}é` })), 'invalid_headers', name);
    assert.equal(verdict(record({}, { [name]: 'a\0' })), 'invalid_headers', name);
  }
  assert.equal(verdict(record({}, { ce_type: 't'.repeat(headerBytesMax + 1) })), 'invalid_headers');
  assert.equal(verdict(record({}, { ce_time: '2026-13-01T00:00:00.000Z' })), 'invalid_headers');
});

test('nobody counts as far as a Lamport time or a version that is refused', () => {
  for (const name of ['ce_lamport', 'ce_aggregateversion']) {
    assert.equal(verdict(record({}, { [name]: String(counterMax) })), 'known', name);
    assert.equal(verdict(record({}, { [name]: String(counterMax + 1) })), 'invalid_headers', name);
    assert.equal(verdict(record({}, { [name]: '999999999999999' })), 'invalid_headers', name);
  }
});

test('what is no traceparent is read as none', () => {
  const parsed = parseRecord(record({}, { traceparent: 't'.repeat(1_100_000) }));
  assert.ok(parsed.kind === 'known');
  assert.equal(parsed.event.traceparent, null);
});

test('why something is refused is said in a few words, however long it was', () => {
  const long = 'x'.repeat(1_100_000);
  for (const headers of [{ ce_id: long }, { ce_dataschema: long }, { ce_type: long }, { ce_correlationid: long }]) {
    const parsed = parseRecord(record({}, headers));
    assert.ok(parsed.kind === 'refused' && parsed.detail.length < 500, JSON.stringify(parsed).slice(0, 100));
  }
  const parsed = parseRecord(record({ [long]: { [long]: '\0' } }));
  assert.ok(parsed.kind === 'refused' && parsed.detail.length < 500);
});

test('a text is cut between its characters', () => {
  assert.equal(cutText('ab\uD83D\uDCB8', 3), 'ab\uFFFD');
  assert.equal(cutText('a\0b', 10), 'a\uFFFDb');
  assert.equal(cutText('short', 10), 'short');
});
