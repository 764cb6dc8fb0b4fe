import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as check, asyncProperty, nat, tuple } from 'fast-check';
import { batchBytesMax, decodeRecordBatches, headersMax, recordsPerBatchMax } from './record-batch.ts';

type Written = { key?: string | null; value?: string | null; headers?: readonly (readonly [string, string | null])[] };

/** A record batch as a broker stores it (Kafka protocol guide, record batch); `attributes` are not acted on, only written. */
function batchOf(records: readonly Written[], { firstOffset = 0, attributes = 0, appendedAtMs = 1_000 } = {}): Buffer {
  const body = Buffer.concat(records.map(encodeRecord));
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(firstOffset), 0);
  header.writeInt32BE(49 + body.length, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(Math.max(0, records.length - 1), 23);
  header.writeBigInt64BE(500n, 27);
  header.writeBigInt64BE(BigInt(appendedAtMs), 35);
  header.writeInt32BE(records.length, 57);
  return Buffer.concat([header, body]);
}

function encodeRecord({ key = 'k', value = 'v', headers = [] }: Written, index: number): Buffer {
  const parts = [Buffer.from([0]), varint(7), varint(index), bytes(key), bytes(value), varint(headers.length)];
  for (const [name, text] of headers) parts.push(bytes(name), bytes(text));
  const record = Buffer.concat(parts);
  return Buffer.concat([varint(record.length), record]);
}

function bytes(text: string | null): Buffer {
  if (text === null) return varint(-1);
  const data = Buffer.from(text);
  return Buffer.concat([varint(data.length), data]);
}

function varint(value: number): Buffer {
  const encoded: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) encoded.push((rest % 0x80) | 0x80);
  return Buffer.from([...encoded, rest]);
}

const appendTime = 0x08;
const control = 0x20;

test('records come with their offsets, and with the time at which the broker or the producer says they were written', async () => {
  const records = [
    { value: 'a' },
    { key: null, value: null },
    { headers: [['ce_id', 'x'] as const, ['null', null] as const] },
  ];
  const decoded = await decodeRecordBatches(
    Buffer.concat([batchOf(records, { firstOffset: 40, attributes: appendTime }), batchOf([{}], { firstOffset: 43 })]),
  );
  assert.deepEqual(
    decoded.map(({ offset, timestamp, key, value, headers }) => [
      ...[offset, timestamp, key?.toString(), value?.toString()],
      headers['ce_id']?.toString(),
    ]),
    [
      ['40', '1000', 'k', 'a', undefined],
      ['41', '1000', undefined, undefined, undefined],
      ['42', '1000', 'k', 'v', 'x'],
      ['43', '507', 'k', 'v', undefined],
    ],
  );
});

test('the last batch of a fetch may be cut off: it is fetched again', async () => {
  const whole = batchOf([{}]);
  for (let length = 0; length < whole.length; length += 1)
    assert.equal((await decodeRecordBatches(Buffer.concat([whole, whole.subarray(0, length)]))).length, 1);
});

test('a marker, and a batch that compaction emptied, are passed over to the offset after them', async () => {
  const decoded = await decodeRecordBatches(
    Buffer.concat([batchOf([{}], { attributes: control, firstOffset: 5 }), batchOf([], { firstOffset: 6 })]),
  );
  assert.deepEqual(
    decoded.map(({ offset, isPassedOver }) => [offset, isPassedOver]),
    [
      ['5', true],
      ['6', true],
    ],
  );
});

test('a codec that Kafka does not know, a damaged batch and one of too many records are set aside whole, up to their last offset', async () => {
  const many = Array.from({ length: recordsPerBatchMax + 1 }, () => ({ key: null, value: null }));
  const decoded = await decodeRecordBatches(
    Buffer.concat([
      batchOf([{}, {}], { attributes: 7 }),
      batchOf([{}, {}], { firstOffset: 2, attributes: 1 }),
      batchOf(many, { firstOffset: 4 }),
      batchOf([{ value: 'after' }], { firstOffset: 20_000 }),
    ]),
  );
  assert.deepEqual(
    decoded.map(({ offset, unreadable }) => [offset, unreadable?.reason]),
    [
      ['1', 'unreadable'],
      ['3', 'unreadable'],
      [String(4 + recordsPerBatchMax), 'too_large'],
      ['20000', undefined],
    ],
  );
  assert.match(decoded[0]?.unreadable?.detail ?? '', /2 records of \d+ bytes \(unknown codec\), offsets 0 to 1/);
});

test('a batch larger than any of ours is set aside also when nothing in it is packed', async () => {
  const [message] = await decodeRecordBatches(batchOf([{ value: 'x'.repeat(batchBytesMax) }]));
  assert.equal(message?.unreadable?.reason, 'too_large');
});

test('as many headers as there may be are read, one more is too many', async () => {
  const headers = (count: number) => Array.from({ length: count }, (_, index) => [`h${index}`, 'x'] as const);
  const decoded = await decodeRecordBatches(
    batchOf([{ headers: headers(headersMax) }, { headers: headers(headersMax + 1) }]),
  );
  assert.deepEqual(
    decoded.map(({ headers: read, unreadable }) => [Object.keys(read).length, unreadable?.reason]),
    [
      [headersMax, undefined],
      [headersMax, 'headers_too_large'],
    ],
  );
});

test('whatever stands in a batch, decoding ends, and every offset of it is told of', async () => {
  const damage = array(tuple(nat(400), nat(255)), { maxLength: 6 });
  await check(
    asyncProperty(damage, nat(4), async (changes, codec) => {
      const batch = batchOf([{}, { headers: [['ce_id', 'x']] }, { value: 'z'.repeat(90) }], { attributes: codec });
      // The header's offset, length and number of records stay: a broker has checked them.
      for (const [at, byte] of changes) if (at >= 61 && at < batch.length) batch[at] = byte;
      const decoded = await decodeRecordBatches(batch);
      const last = decoded.at(-1);
      assert.equal(last?.offset, '2');
      assert.ok(decoded.length === 3 || decoded.length === 1);
    }),
    { numRuns: 2_000 },
  );
});
