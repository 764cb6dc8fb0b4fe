import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askStatus } from './control-client.ts';
import { makeHome } from './home.ts';
import { StackProblem } from './stack-problem.ts';
import type { ShopStatus } from './supervisor.ts';

export type Launch = {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly fresh: boolean;
  /** Whether the shop closes when this process ends, however it ends. */
  readonly endsWithUs: boolean;
  /** Gives the start up when it aborts: the supervisor stops what it has started. */
  readonly signal?: AbortSignal;
  /** Told how far the start is, several times a second. */
  readonly show: (status: ShopStatus) => void;
};

const LOOK_EVERY_MS = 150;

/** Starts a supervisor that outlives us. Resolves when the shop is open; throws what the supervisor said when it could not be opened. */
export async function launchShop({ home, env, fresh, endsWithUs, signal, show }: Launch): Promise<void> {
  makeHome(home);
  const said = join(home, 'log', `launch-${process.pid}.log`);
  const output = openSync(said, 'w', 0o600);
  const cli = join(import.meta.dirname, 'cli.ts');
  const supervisor = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      cli,
      'supervise',
      ...(fresh ? ['--fresh'] : []),
      ...(endsWithUs ? ['--ends-with-parent'] : []),
    ],
    { env, detached: true, stdio: ['ignore', output, output] },
  );
  closeSync(output);
  signal?.addEventListener('abort', () => supervisor.kill('SIGTERM'));
  try {
    while (supervisor.exitCode === null && supervisor.signalCode === null) {
      const status = await askStatus(home);
      const isOurs = status.supervisorPid === supervisor.pid;
      if (isOurs && status.state !== 'stopping') show(status);
      if (isOurs && (status.state === 'running' || status.state === 'degraded')) {
        supervisor.unref();
        return;
      }
      await delay(LOOK_EVERY_MS);
    }
    if (signal?.aborted === true) throw new StackProblem('stopped', 'The shop was stopped before it was up.');
    throw new StackProblem(
      'start_failed',
      readFileSync(said, 'utf8').trim() ||
        `The supervisor ended with ${supervisor.signalCode ?? supervisor.exitCode}. See ${join(home, 'log/supervisor.log')}.`,
    );
  } finally {
    rmSync(said, { force: true });
  }
}
