import { existsSync, statfsSync } from 'node:fs';
import type { Sight } from './part.ts';

/** Below this PostgreSQL and Kafka are soon to stop: a slot alone may hold 2 GB back. */
export const FREE_BYTES_MIN = 512 * 1024 ** 2;

/** A sight with a word more when there is little room left where a part keeps its data. */
export function withDisk(sight: Sight, folder: string): Sight {
  if (!existsSync(folder)) return sight;
  const { bavail, bsize } = statfsSync(folder);
  return { ...sight, words: [...sight.words, ...judgeDiskLeft(folder, bavail * bsize)] };
}

/** The word for so much free space. */
export function judgeDiskLeft(folder: string, freeBytes: number): string[] {
  if (freeBytes >= FREE_BYTES_MIN) return [];
  return [`only ${Math.round(freeBytes / 1024 ** 2)} MB are free on the disk of ${folder}`];
}
