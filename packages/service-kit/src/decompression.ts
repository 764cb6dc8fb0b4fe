import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { decompressFrame } from 'lz4-napi';
import { uncompress } from 'snappy';

/** The codecs of Kafka's record batches by their number: the lowest three bits of a batch's attributes. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof codecs)[number];

/** Thrown for what would be larger unpacked than it may be. It was not unpacked. */
export class TooLargeUnpacked extends Error {
  override readonly name = 'TooLargeUnpacked';
}

/**
 * Unpacks the records of a batch. Rejects with TooLargeUnpacked rather than take more memory than `bytesMax`, whatever the data claims, and with some
 * other error when it is damaged.
 */
export async function decompress(codec: Codec, packed: Buffer, bytesMax: number): Promise<Buffer> {
  switch (codec) {
    case 'none':
      refuseAbove(packed.length, bytesMax);
      return packed;
    case 'gzip':
      return withinLimit(promisify(gunzip)(packed, { maxOutputLength: bytesMax }), bytesMax);
    case 'zstd':
      return withinLimit(promisify(zstdDecompress)(packed, { maxOutputLength: bytesMax }), bytesMax);
    case 'snappy':
      return decompressSnappy(packed, bytesMax);
    case 'lz4': {
      const { frame, lengthMax } = lz4FrameOf(packed);
      refuseAbove(lengthMax, bytesMax);
      return decompressFrame(frame);
    }
    default:
      return codec satisfies never;
  }
}

async function withinLimit(unpacking: Promise<Buffer>, bytesMax: number): Promise<Buffer> {
  try {
    return await unpacking;
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(bytesMax);
    throw error;
  }
}

function refuseAbove(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax) throw tooLarge(bytesMax);
}

function tooLarge(bytesMax: number): TooLargeUnpacked {
  return new TooLargeUnpacked(`unpacked it would be larger than ${bytesMax} bytes`);
}

/**
 * Snappy as Kafka's clients write it: one raw block, or the frame of xerial's snappy-java (its SnappyOutputStream: 8 bytes of magic, two versions of 4, then
 * blocks after their length). A raw block begins with its length unpacked, a varint, so that nothing need be believed (google/snappy, format_description.txt).
 */
async function decompressSnappy(packed: Buffer, bytesMax: number): Promise<Buffer> {
  const blocks = packed.subarray(0, xerialMagic.length).equals(xerialMagic) ? xerialBlocks(packed) : [packed];
  refuseAbove(
    blocks.reduce((sum, block) => sum + varintAt(block), 0),
    bytesMax,
  );
  return Buffer.concat(await Promise.all(blocks.map((block) => uncompress(block, { asBuffer: true }).then(toBuffer))));
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

function xerialBlocks(packed: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = xerialHeaderBytes; at < packed.length;) {
    const end = at + 4 + packed.readUInt32BE(at);
    blocks.push(packed.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

function varintAt(block: Buffer): number {
  let value = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = block.readUInt8(at);
    value += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return value;
  }
  throw new RangeError('a snappy block begins with no length');
}

function toBuffer(data: string | Buffer): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

/**
 * The first LZ4 frame of the data, and what it can be at most unpacked: as many blocks of the size that its header names as there are
 * (lz4_Frame_format.md).
 */
function lz4FrameOf(data: Buffer): { frame: Buffer; lengthMax: number } {
  const flags = data.readUInt8(4);
  const blockBytesMax = 2 ** (8 + 2 * ((data.readUInt8(5) >> 4) & 7));
  const bytesWhen = (flag: number, bytes: number): number => ((flags & flag) === 0 ? 0 : bytes);
  const checksumBytes = bytesWhen(0x10, 4);
  let at = 7 + bytesWhen(0x08, 8) + bytesWhen(0x01, 4);
  for (let lengthMax = 0; ;) {
    const size = data.readUInt32LE(at);
    at += 4;
    if (size === 0) return { frame: data.subarray(0, at + bytesWhen(0x04, 4)), lengthMax };
    const bytes = size % 0x8000_0000;
    lengthMax += size < 0x8000_0000 ? blockBytesMax : bytes;
    at += bytes + checksumBytes;
  }
}
