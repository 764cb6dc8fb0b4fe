import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Part } from './part.ts';
import { openLog } from './part-log.ts';
import { forgetProcess, recordProcess } from './process-record.ts';
import { signalProcess, signalTree } from './process-table.ts';

/** A part's running process, with everything it has started. */
export type PartProcess = {
  readonly pid: number;
  /** Aborts when the process is gone. */
  readonly gone: AbortSignal;
  /** How it ended, in words; resolves when it has. */
  readonly end: Promise<{ readonly words: string; readonly wasKilled: boolean }>;
};

/** Starts the part's process in a group of its own, its output in its log, its identity on record. */
export async function spawnPart(home: string, part: Part<string>): Promise<PartProcess> {
  const { program, args, env, cwd, user } = await part.command();
  const log = openLog(home, part.name);
  try {
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
      ...(cwd !== undefined && { cwd }),
      ...user,
    });
    const gone = new AbortController();
    const end = new Promise<{ words: string; wasKilled: boolean }>((resolve) => {
      child.on('exit', (code, signal) => {
        forgetProcess(home, part.name);
        gone.abort();
        resolve({ words: signal === null ? `exit code ${code}` : signal, wasKilled: signal === 'SIGKILL' });
      });
    });
    await once(child, 'spawn');
    if (child.pid === undefined) throw new Error(`${program} has no process id`);
    recordProcess(home, part.name, child.pid);
    return { pid: child.pid, gone: gone.signal, end };
  } finally {
    log.close();
  }
}

/** Asks the process to end, and ends it when it takes longer than the part may. Resolves when it is gone; `tooLong` is told before it is killed. */
export async function endPart(part: Part<string>, running: PartProcess, tooLong: () => void): Promise<void> {
  if (running.gone.aborted) return;
  // A paused process cannot hear that it is to end.
  signalTree(running.pid, 'SIGCONT');
  signalProcess(running.pid, part.stopSignal);
  const patience = setTimeout(() => {
    tooLong();
    signalTree(running.pid, 'SIGKILL');
  }, part.stopWithinMs);
  await running.end;
  clearTimeout(patience);
}
