import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Lock, tryLock } from './cache-lock.ts';
import { checkMachine, checkPorts, describeFailures } from './checks.ts';
import { answerControl, type ControlledShop, openControl } from './control.ts';
import { describeShop } from './describe-shop.ts';
import { makeHome } from './home.ts';
import type { Part } from './part.ts';
import { shortenLogs } from './part-log.ts';
import { watchedRunner, watchParts } from './part-watch.ts';
import { shopParts } from './parts.ts';
import { preparePostgres } from './postgres.ts';
import { endLeftovers } from './process-record.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { Supervisor } from './supervisor.ts';

export type OpenShop = {
  readonly supervisor: Supervisor;
  /** Resolves when every part runs; throws, with everything stopped again, when one cannot. */
  readonly ready: Promise<void>;
  /** Stops everything; can be called more than once, all wait for the same stop. */
  readonly close: () => Promise<void>;
  readonly closed: Promise<void>;
};

/** Opens the shop of these settings in this process. Throws a StackProblem when it already runs or the machine cannot carry it. */
export async function openShop(
  settings: Settings,
  { fresh, parts = shopParts(settings) }: { fresh: boolean; parts?: readonly Part<string>[] },
): Promise<OpenShop> {
  const lock = await takeHome(settings);
  try {
    const leftovers = await endLeftovers(settings.home);
    if (fresh)
      for (const folder of ['data', 'keys', 'etc'])
        rmSync(join(settings.home, folder), { recursive: true, force: true });
    makeHome(settings.home);
    const failures = describeFailures(await checkMachine(settings));
    if (failures !== undefined) throw new StackProblem('machine', failures);
    const taken = describeFailures([await checkPorts(parts)]);
    if (taken !== undefined) throw new StackProblem('port_taken', taken);
    preparePostgres(settings);
    const supervisor = new Supervisor(parts, settings.home);
    supervisor.log(
      `supervisor ${process.pid} starts${leftovers.length === 0 ? '' : `; ended what a killed run had left: ${leftovers.join(', ')}`}`,
    );
    return await runShop(settings, supervisor, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function takeHome(settings: Settings): Promise<Lock> {
  makeHome(settings.home);
  const lock = await tryLock(settings.home);
  if (lock === undefined) {
    throw new StackProblem(
      'already_running',
      `The shop of ${settings.home} already runs or is just starting. See: npm run stack -- status · stop it: npm run stack -- down`,
    );
  }
  return lock;
}

const SHORTEN_LOGS_EVERY_MS = 60_000;

async function runShop(settings: Settings, supervisor: Supervisor, lock: Lock): Promise<OpenShop> {
  const stopWatching = new AbortController();
  const done = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const keepLogsShort = () => {
    try {
      shortenLogs(settings.home);
    } catch (error) {
      // A full disk, or a log that was removed meanwhile, is no reason to close the shop.
      supervisor.log(`logs could not be shortened (${messageOf(error)})`);
    }
  };
  keepLogsShort();
  const logWatch = setInterval(keepLogsShort, SHORTEN_LOGS_EVERY_MS);
  const stopEverything = async () => {
    stopWatching.abort();
    clearInterval(logWatch);
    await supervisor.stop();
    supervisor.log('everything is stopped');
    control.close();
    lock.release();
    done.resolve();
  };
  const close = () => (closing ??= stopEverything());
  const controlled: ControlledShop = {
    status: () => supervisor.status(),
    actOnPart: (name, action, options) => supervisor.actOnPart(name, action, options),
    close,
  };
  const control = await openControl(settings.home, {
    describe: () => describeShop(settings),
    answer: (path) => answerControl(controlled, path),
  });
  const ready = supervisor.start().then(
    () => void watchParts(supervisor.allRunners().map(watchedRunner), stopWatching.signal),
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  // Whoever only waits for `closed` need not look at `ready`.
  ready.catch(() => undefined);
  return { supervisor, ready, close, closed: done.promise };
}
