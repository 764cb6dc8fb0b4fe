import { zstdCompressSync } from 'node:zlib';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as compressSnappy } from 'snappy';

/** From now on the Kafka producers of this process pack with every codec that Kafka knows; kafkajs brings only gzip. */
export function packWithEveryCodec(): void {
  for (const [type, compress] of [
    [CompressionTypes.ZSTD, zstdCompressSync],
    [CompressionTypes.LZ4, (data: Buffer) => compressFrameSync(Buffer.from(data))],
    [CompressionTypes.Snappy, inXerialFrame],
  ] as const)
    CompressionCodecs[type] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(compress(buffer)),
    });
}

/** As Kafka's Java client packs: a magic word, two versions, then blocks of 32 kB after their length. */
function inXerialFrame(data: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (let at = 0; at < data.length; at += blockBytes) {
    const block = compressSnappy(Buffer.from(data.subarray(at, at + blockBytes)));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

const blockBytes = 32_768;
