import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { StackProblem } from './stack-problem.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a command that was broken off ends with, as shells have it. */
export const BROKEN_OFF_CODE = 130;

/**
 * Runs a program of ours in a process apart, with our output, and resolves with its exit code. However we end, also by kill -9 or with our terminal, it
 * hears of it and can put right what it was about: the pipe that it reads ends with us. A signal is passed on.
 */
export async function runApart(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, program, ...args, '--apart'], {
    // A group of its own: Ctrl-C is passed on once, and kill -9 of ours does not meet it.
    detached: true,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of signals) process.on(signal, passOn);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? BROKEN_OFF_CODE;
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}

/**
 * Aborts, with a StackProblem `broken_off`, when this command is to end: by a signal, and in a process apart also when whoever started it is gone. A second
 * signal ends the process at once.
 */
export function brokenOff({ isApart }: { isApart: boolean }): AbortSignal {
  const breaking = new AbortController();
  const breakOff = (why: string) => breaking.abort(new StackProblem('broken_off', `Broken off (${why}).`));
  for (const signal of signals)
    process.on(signal, () => {
      if (breaking.signal.aborted) process.exit(BROKEN_OFF_CODE);
      breakOff(signal);
    });
  // A terminal or a pipe that is gone cannot be written to; what was begun is brought to an end all the same.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => breakOff('nobody reads what it says any more'));
  if (isApart)
    process.stdin
      .on('end', () => breakOff('whoever started it is gone'))
      .on('error', () => undefined)
      .resume();
  return breaking.signal;
}

/** Nothing is waited for any more: what reads from whoever started us would keep the process alive. */
export function endApart(): void {
  process.stdin.destroy();
}
