import { RecordBatches, type IHeaders, type KafkaMessage } from 'kafkajs';
import { codecs, decompress, TooLargeUnpacked } from './decompression.ts';

/**
 * What was fetched at an offset. `unreadable`: what keeps the record, or a whole batch of which this is the last offset, from being read.
 * `isPassedOver`: nothing to read stands there, such as the marker that ends a transaction; only its offset counts.
 */
export type FetchedMessage = Extract<KafkaMessage, { headers: IHeaders }> & {
  readonly unreadable?: Unreadable | undefined;
  readonly isPassedOver?: boolean;
};

/** Why something is set aside instead of read, under a reason for the list of parked messages. */
export type Unreadable = { readonly reason: (typeof unreadableReasons)[number]; readonly detail: string };
export const unreadableReasons = ['unreadable', 'too_large', 'headers_too_large'] as const;

/** A batch may take this much memory unpacked. One of ours is one record or 16 kB. */
export const batchBytesMax = 4 * 1024 * 1024;
/** Key and value of a record together: more than the topics admit of what is not compressed. */
export const recordBytesMax = 1024 * 1024;
export const headersMax = 100;
const headerBytesMax = 64 * 1024;
/** More records than this can only be in a batch if they are too small for an event. */
export const recordsPerBatchMax = 10_000;
// What is packed well may be many times what was fetched: the rest is fetched again, when this is handled.
const unpackedPerFetchMax = 1024 * 1024;

/**
 * From now on every Kafka client of this process reads record batches by `decodeRecordBatches`. The client's own decoding knows one codec, no limit of
 * memory, and takes a time that grows with the square of the number of headers; what it fails at it fetches again for ever.
 */
export function decodeWithinLimits(): void {
  RecordBatches.decode = decodeRecordBatches;
}

/** True for all that was decoded here: a message of the formats before headers cannot be. */
export function isDecoded(message: KafkaMessage): message is FetchedMessage {
  return message.headers !== undefined;
}

/**
 * Decodes what a fetch brought of one partition: record batches of magic 2, the last of which may be cut off (Kafka protocol guide, record batch). Never
 * rejects: what cannot be read, or takes more than the limits above, comes back as a message that says so.
 */
export async function decodeRecordBatches(fetched: Buffer): Promise<FetchedMessage[]> {
  const messages: FetchedMessage[] = [];
  let unpackedBytes = 0;
  for (let at = 0; at + batchHeaderBytes <= fetched.length && unpackedBytes < unpackedPerFetchMax;) {
    const end = at + lengthEnd + fetched.readInt32BE(at + lengthStart);
    if (end > fetched.length) break;
    const { read, bytes } = await decodeBatch(fetched.subarray(at, end));
    for (const message of read) messages.push(message);
    unpackedBytes += bytes;
    at = end;
  }
  return messages;
}

const lengthStart = 8;
const lengthEnd = 12;
const batchHeaderBytes = 61;
const magicRead = 2;

type Batch = {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  readonly timestampOf: (delta: number) => string;
  readonly attributes: number;
  readonly records: number;
};

async function decodeBatch(batch: Buffer): Promise<{ read: readonly FetchedMessage[]; bytes: number }> {
  const header = readBatchHeader(batch);
  const codec = codecs[header.attributes & 0x07];
  const isControl = (header.attributes & 0x20) !== 0;
  // A control batch ends a transaction; one without records was emptied by compaction.
  if (isControl || header.records === 0) return { read: [{ ...placeOf(header), isPassedOver: true }], bytes: 0 };
  const about = `${header.records} records of ${batch.length} bytes (${codec ?? 'unknown codec'}), offsets ${header.firstOffset} to ${header.lastOffset}`;
  const setAside = (reason: Unreadable['reason'], why: string) => ({
    read: [{ ...placeOf(header), unreadable: { reason, detail: `${about}: ${why}` } }],
    bytes: 0,
  });
  if (codec === undefined) return setAside('unreadable', 'Kafka knows no such codec');
  if (batch.readInt8(16) !== magicRead) return setAside('unreadable', 'not of the record format 2');
  if (header.records > recordsPerBatchMax || header.records < 0)
    return setAside('too_large', `at most ${recordsPerBatchMax} records are read of a batch`);
  try {
    const records = await decompress(codec, batch.subarray(batchHeaderBytes), batchBytesMax);
    return { read: readRecords(records, header), bytes: records.length };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return setAside(error instanceof TooLargeUnpacked ? 'too_large' : 'unreadable', why);
  }
}

function readBatchHeader(batch: Buffer): Batch {
  const firstOffset = batch.readBigInt64BE(0);
  const attributes = batch.readInt16BE(21);
  const firstTimestamp = batch.readBigInt64BE(27);
  const maxTimestamp = batch.readBigInt64BE(35);
  const isAppendTime = (attributes & 0x08) !== 0;
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(batch.readInt32BE(23)),
    timestampOf: (delta) => String(isAppendTime ? maxTimestamp : firstTimestamp + BigInt(delta)),
    attributes,
    records: batch.readInt32BE(57),
  };
}

/** The last offset of a batch, with nothing at it. */
function placeOf({ lastOffset, timestampOf, attributes }: Batch): FetchedMessage {
  const nothing = { key: null, value: null, headers: {} };
  return { ...nothing, offset: String(lastOffset), timestamp: timestampOf(0), attributes };
}

function readRecords(bytes: Buffer, batch: Batch): FetchedMessage[] {
  const messages: FetchedMessage[] = [];
  let before = batch.firstOffset - 1n;
  for (let at = 0; messages.length < batch.records;) {
    const length = readVarint(bytes, at);
    const end = length.end + length.value;
    if (length.value < 0 || end > bytes.length) throw new RangeError(`record ${messages.length} is cut off`);
    const message = readRecord(bytes.subarray(length.end, end), batch);
    const offset = BigInt(message.offset);
    // A consumer goes on after the offset of the last: one that lies would make it pass over others.
    if (offset <= before || offset > batch.lastOffset)
      throw new RangeError(`record ${messages.length} claims offset ${offset}`);
    messages.push(message);
    before = offset;
    at = end;
  }
  return messages;
}

function readRecord(record: Buffer, { firstOffset, timestampOf }: Batch): FetchedMessage {
  const timestampDelta = readVarint(record, 1);
  const offsetDelta = readVarint(record, timestampDelta.end);
  const key = readBytes(record, offsetDelta.end);
  const value = readBytes(record, key.end);
  const { headers, unreadable } = readHeaders(record, value.end);
  const keyBytes = key.bytes?.length ?? 0;
  const valueBytes = value.bytes?.length ?? 0;
  const isTooLarge = keyBytes + valueBytes > recordBytesMax;
  return {
    key: keyBytes > recordBytesMax ? null : key.bytes,
    value: isTooLarge ? null : value.bytes,
    headers,
    timestamp: timestampOf(timestampDelta.value),
    offset: String(firstOffset + BigInt(offsetDelta.value)),
    attributes: 0,
    unreadable: isTooLarge
      ? {
          reason: 'too_large',
          detail: `a key of ${keyBytes} and a value of ${valueBytes} bytes; at most ${recordBytesMax} are read`,
        }
      : unreadable,
  };
}

type Headers = Record<string, Buffer>;

/** The first value of each header, of not more headers than there may be. What is left out makes the record unreadable. */
function readHeaders(record: Buffer, start: number): { headers: Headers; unreadable?: Unreadable | undefined } {
  const count = readVarint(record, start);
  const first = new Map<string, Buffer>();
  const bytes = record.length - count.end;
  const isTooMuch = count.value > headersMax || bytes > headerBytesMax;
  let at = count.end;
  for (let index = 0; index < Math.min(count.value, headersMax) && at < count.end + headerBytesMax; index += 1) {
    const name = readBytes(record, at);
    const value = readBytes(record, name.end);
    at = value.end;
    const text = name.bytes?.toString('utf8') ?? '';
    if (value.bytes !== null && value.bytes.length <= headerBytesMax && !first.has(text)) first.set(text, value.bytes);
  }
  const headers: Headers = Object.fromEntries(first);
  if (!isTooMuch) return { headers };
  const detail = `${count.value} headers of ${bytes} bytes; at most ${headersMax} of ${headerBytesMax} are read`;
  return { headers, unreadable: { reason: 'headers_too_large', detail } };
}

function readBytes(buffer: Buffer, at: number): { bytes: Buffer | null; end: number } {
  const length = readVarint(buffer, at);
  if (length.value < 0) return { bytes: null, end: length.end };
  const end = length.end + length.value;
  if (end > buffer.length) throw new RangeError('a record ends before what it holds');
  return { bytes: buffer.subarray(length.end, end), end };
}

/** A zigzag varint of at most ten bytes (Protocol Buffers encoding), as far as a number holds it exactly. */
function readVarint(buffer: Buffer, at: number): { value: number; end: number } {
  const first = buffer.readUInt8(at);
  // Nearly all of them; the others may take arithmetic that is slow.
  if (first < 0x80) return { value: (first >>> 1) ^ -(first & 1), end: at + 1 };
  let raw = 0n;
  for (let index = 0; index < varintBytesMax; index += 1) {
    const byte = buffer.readUInt8(at + index);
    raw |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: Number((raw >> 1n) ^ -(raw & 1n)), end: at + index + 1 };
  }
  throw new RangeError(`a varint of more than ${varintBytesMax} bytes`);
}

const varintBytesMax = 10;
