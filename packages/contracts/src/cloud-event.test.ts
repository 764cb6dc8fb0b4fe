import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataSchemaOf, parseRecord, type KafkaRecord } from './cloud-event.ts';
import { eventTypes } from './events.ts';
import { isUuidv7, newId, uuidv7TimeMs, type EventId, type OrderId } from './ids.ts';
import { topicOwners } from './topics.ts';

function voided(
  changes: { headers?: Record<string, string | undefined>; value?: string | null; key?: string | null } = {},
): KafkaRecord {
  const orderId = newId<OrderId>();
  const headers = {
    ce_id: newId<EventId>(),
    ce_type: 'payment.voided',
    ce_source: '/payment',
    ce_time: '2026-01-01T00:00:00.000Z',
    ce_subject: orderId,
    ce_specversion: '1.0',
    ce_dataschema: dataSchemaOf('payment.voided'),
    ce_causationid: newId<EventId>(),
    ce_correlationid: orderId,
    ce_aggregateversion: '2',
    ce_lamport: '7',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'content-type': 'application/json',
  };
  return {
    topic: 'payment.events',
    key: orderId,
    value: JSON.stringify({ orderId }),
    ...changes,
    headers: { ...headers, ...changes.headers },
  };
}

test('a record in CloudEvents binary mode is read whole', () => {
  const record = voided();
  const parsed = parseRecord(record);
  assert.ok(parsed.kind === 'known');
  const { id, type, subject, aggregateVersion, lamport, causationId, traceparent, data } = parsed.event;
  assert.equal(id, record.headers['ce_id']);
  assert.deepEqual([type, subject, aggregateVersion, lamport], ['payment.voided', record.key, 2, 7]);
  assert.equal(causationId, record.headers['ce_causationid']);
  assert.equal(traceparent, record.headers['traceparent']);
  assert.deepEqual(data, { orderId: record.key });
});

test('an absent cause and an absent trace are null', () => {
  const parsed = parseRecord(voided({ headers: { ce_causationid: undefined, traceparent: undefined } }));
  assert.ok(parsed.kind === 'known');
  assert.equal(parsed.event.causationId, null);
  assert.equal(parsed.event.traceparent, null);
});

test('fields that are not known are ignored, types that are not known are kept apart', () => {
  const record = voided();
  const more = JSON.stringify({ orderId: record.key, ofTheFuture: true });
  assert.equal(parseRecord({ ...record, value: more }).kind, 'known');
  assert.equal(
    parseRecord(voided({ headers: { ce_type: 'payment.of-the-future', ce_dataschema: 'x/1' } })).kind,
    'unknown',
  );
});

test('what cannot be read is refused with a reason, and never throws', () => {
  const cases: [string, KafkaRecord][] = [
    ['invalid_id', voided({ headers: { ce_id: undefined } })],
    ['invalid_id', voided({ headers: { ce_id: '8e03978e-40d5-43dd-bc93-6894a57f9324' } })],
    ['invalid_headers', voided({ headers: { ce_specversion: '1' } })],
    ['invalid_headers', voided({ headers: { 'content-type': 'text/plain' } })],
    ['invalid_headers', voided({ headers: { ce_source: undefined } })],
    ['invalid_headers', voided({ headers: { ce_causationid: 'x' } })],
    ['invalid_headers', voided({ headers: { ce_lamport: '0' } })],
    ['invalid_headers', voided({ headers: { ce_aggregateversion: '1.5' } })],
    ['invalid_headers', voided({ headers: { ce_lamport: '9007199254740991' } })],
    ['invalid_headers', voided({ headers: { ce_lamport: '0x10' } })],
    ['invalid_headers', voided({ value: JSON.stringify({ orderId: newId<OrderId>() }) })],
    ['invalid_headers', voided({ key: 'another' })],
    ['invalid_headers', voided({ key: null })],
    ['invalid_data', voided({ value: '{' })],
    ['invalid_data', voided({ value: null })],
    ['invalid_data', voided({ value: '{}' })],
    [
      'unknown_major_version',
      voided({ headers: { ce_dataschema: 'https://sagamart.example/schemas/payment.voided/2' } }),
    ],
  ];
  for (const [reason, record] of cases) {
    const parsed = parseRecord(record);
    assert.equal(parsed.kind === 'refused' ? parsed.reason : parsed.kind, reason);
  }
});

test('every event belongs to a topic of the service that says it', () => {
  const sayers: Record<string, string> = {
    order: 'order',
    stock: 'inventory',
    payment: 'payment',
    notification: 'notification',
    product: 'inventory',
  };
  for (const [type, { topic }] of Object.entries(eventTypes)) {
    assert.equal(topicOwners[topic], sayers[type.split('.')[0] ?? ''], type);
  }
});

test('ids are lower-case UUIDv7 and carry their time', () => {
  const before = Date.now();
  const id = newId<EventId>();
  assert.ok(isUuidv7(id));
  assert.ok(uuidv7TimeMs(id) >= before && uuidv7TimeMs(id) <= Date.now());
  assert.ok(!isUuidv7(id.toUpperCase()));
  assert.ok(!isUuidv7('8e03978e-40d5-43dd-bc93-6894a57f9324'));
});

test('ids come back with the clock, and sort by the order of their making where it stands still', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-03T00:00:00.000Z') });
  const blip = newId<EventId>();
  t.mock.timers.setTime(Date.parse('2026-01-01T00:00:00.000Z'));
  const ids = Array.from({ length: 1_000 }, () => newId<EventId>());
  assert.equal(uuidv7TimeMs(blip), Date.parse('2026-01-03T00:00:00.000Z'));
  assert.ok(ids.every((id) => isUuidv7(id) && uuidv7TimeMs(id) === Date.now()));
  assert.deepEqual(ids.toSorted(), ids);
});
