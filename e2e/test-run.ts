import { spawn } from 'node:child_process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { closeOnSignal, goOnUnlessClosing } from './close-on-signal.ts';

export type Tally = { passed: number; failed: number };

/**
 * Runs node:test files, each in a process of its own, and shows them as they end. A test that is skipped or cancelled has not passed, nor has
 * a file that still runs after `runLimitMs`: `timeoutMs` ends a test, but not a file whose tests are over and left something open. A signal ends the
 * files that run and then this process.
 */
export async function runTestFiles(options: {
  files: string[];
  concurrency: number;
  timeoutMs: number;
  runLimitMs: number;
  env?: NodeJS.ProcessEnv;
}): Promise<Tally> {
  const { files, concurrency, timeoutMs, runLimitMs } = options;
  if (files.length === 0) return { passed: 0, failed: 0 };
  const limit = new AbortController();
  const message = `the run was ended after ${runLimitMs / 1_000} s: the file that ran then waits for ever or left something open`;
  const clock = setTimeout(() => limit.abort(new Error(message)), runLimitMs);
  const env = { ...process.env, ...options.env };
  const stream = run({ files, concurrency, timeout: timeoutMs, signal: limit.signal, env });
  // Stays so when the run ends without a summary: tests cannot be lost in silence.
  const tally = { passed: 0, failed: 1 };
  stream.on('test:summary', ({ file, counts }) => {
    if (file !== undefined) return;
    tally.passed = counts.passed;
    tally.failed = counts.tests - counts.passed;
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  const ended = new Promise<void>((resolve, reject) => report.once('end', resolve).once('error', reject));
  const forgetSignals = closeOnSignal(() => {
    limit.abort(new Error('the run was interrupted'));
    return ended;
  });
  await ended;
  await goOnUnlessClosing();
  clearTimeout(clock);
  forgetSignals();
  return tally;
}

/** The tally of a run in another process, from the end of what it printed. One that printed none has lost its tests: a failure. */
export function readTally(printed: string): Tally {
  const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(printed) ?? [];
  return passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) };
}

const checkLimitMs = 600_000;

/** Runs a program as one check: it passes when it exits with 0 in time. Its output is shown as it comes. */
export async function runCheck(program: string, args: readonly string[]): Promise<Tally> {
  const child = spawn(program, args, { stdio: 'inherit', timeout: checkLimitMs });
  const code = await new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** The plain last line that tools read, and the exit code that goes with it. No test at all is a failure. */
export function closeTally(tallies: readonly Tally[]): never {
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
