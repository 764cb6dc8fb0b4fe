import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { logFile, tailOfLog } from './part-log.ts';

const TAIL_LINES = 200;
const LOOK_EVERY_MS = 300;

/** Prints the end of a part's log, and with `follow` what comes after, until interrupted. */
export async function followLog(home: string, name: string, { follow }: { follow: boolean }): Promise<void> {
  const file = logFile(home, name);
  let position = existsSync(file) ? statSync(file).size : 0;
  console.log(tailOfLog(home, name, TAIL_LINES));
  if (!follow) return;
  for (;;) {
    await delay(LOOK_EVERY_MS);
    const size = existsSync(file) ? statSync(file).size : 0;
    // Smaller than before: the log was put aside and begun anew.
    if (size < position) position = 0;
    if (size > position) process.stdout.write(readPiece(file, position, size));
    position = size;
  }
}

function readPiece(file: string, from: number, to: number): Buffer {
  const piece = Buffer.alloc(to - from);
  const descriptor = openSync(file, 'r');
  try {
    return piece.subarray(0, readSync(descriptor, piece, 0, piece.length, from));
  } finally {
    closeSync(descriptor);
  }
}
