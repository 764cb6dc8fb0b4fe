import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogSource } from './log-follower.ts';
import { logFile } from './part-log.ts';

const LOOK_EVERY_MS = 300;

/** The log that a part without a container writes, with the older half that was put aside. */
export function logOfPart(home: string, part: string): LogSource {
  const file = logFile(home, part);
  let position = 0;
  return {
    part,
    readPast: async (linesMax) => {
      const whole = read(file);
      position = whole.length;
      return linesOf(`${read(`${file}.1`).toString()}${whole.toString()}`).slice(-linesMax);
    },
    follow: async (tell, signal) => {
      const complete = lineSplitter();
      for (;;) {
        await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        const size = existsSync(file) ? statSync(file).size : 0;
        // Smaller than before: the log was put aside and begun anew.
        if (size < position) position = 0;
        if (size === position) continue;
        complete(String(readPiece(file, position, size))).forEach(tell);
        position = size;
      }
    },
  };
}

/** Gives the lines that each next piece of a text completes. */
export function lineSplitter(): (piece: string) => string[] {
  let unfinished = '';
  return (piece) => {
    const lines = `${unfinished}${piece}`.split('\n');
    unfinished = lines.pop() ?? '';
    return lines;
  };
}

function read(file: string): Buffer {
  return existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
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
