import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';

// One older file is kept beside the present one.
export const LOG_BYTES_MAX = 20 * 1024 * 1024;

export function logFile(home: string, part: string): string {
  return join(home, 'log', `${part}.log`);
}

/** A file to give to a process as its output. It is a plain file, not a pipe, so that the process survives whoever started it. */
export function openLog(home: string, part: string): { fd: number; close: () => void } {
  const file = logFile(home, part);
  const fd = openSync(file, 'a', 0o600);
  return { fd, close: () => closeSync(fd) };
}

export function tailOfLog(home: string, part: string, lines: number): string {
  const file = logFile(home, part);
  if (!existsSync(file)) return '(nothing was logged)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** Puts aside what a too long log holds. The process that writes to it goes on writing to the same, now empty, file. */
export function shortenLogs(home: string): void {
  const folder = join(home, 'log');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    const file = join(folder, name);
    if (statSync(file).size <= LOG_BYTES_MAX) continue;
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  }
}
