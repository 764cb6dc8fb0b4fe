import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

// One older file is kept beside the present one.
const LOG_BYTES_MAX = 20 * 1024 * 1024;

export function logFile(home: string, part: string): string {
  return join(home, 'log', `${part}.log`);
}

/** A file to give to a process as its output. It is a plain file, not a pipe, so that the process survives whoever started it. */
export function openLog(home: string, part: string): { fd: number; close: () => void } {
  const file = logFile(home, part);
  if (existsSync(file) && statSync(file).size > LOG_BYTES_MAX) renameSync(file, `${file}.1`);
  const fd = openSync(file, 'a', 0o600);
  return { fd, close: () => closeSync(fd) };
}

export function tailOfLog(home: string, part: string, lines: number): string {
  const file = logFile(home, part);
  if (!existsSync(file)) return '(nothing was logged)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
