import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { addPart } from './added-parts.ts';
import { tryLock } from './cache-lock.ts';
import { composeShop, logOfContainer } from './compose/compose-shop.ts';
import { runDoctor } from './doctor.ts';
import { BROKEN_OFF_CODE, brokenOff, endApart, runApart } from './breaking-off.ts';
import { databaseOf, endSession, readRows } from './database-commands.ts';
import { HEAL_WAIT_SECONDS, healOutbox, readHealRequest } from './heal.ts';
import { makeHome } from './home.ts';
import { logOfPart } from './log-file.ts';
import { showLogs } from './log-follower.ts';
import { ourParts, partNames, type PartName, type PartStatus } from './part.ts';
import { endLeftovers, findLeftovers } from './process-record.ts';
import { controlPsp, formatPspControls, readPspRequest } from './psp-controls.ts';
import { readSettings, type Settings } from './settings.ts';
import {
  controlPart,
  DOWN_WAIT_SECONDS,
  findShop,
  PART_WAIT_SECONDS,
  type PartAction,
  readShopStatus,
  stopShop,
} from './shop.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { startDetached, startHere, supervise } from './start.ts';
import { describePart, formatStatus } from './status-table.ts';
import { chooseTarget, readStatus, runWhereDataIs, type Target, wantedTarget } from './target.ts';
import { formatUsage, measureUsage } from './usage.ts';
import { keepSaying } from './waiting-words.ts';

const help = `npm start [-- --detach] [--fresh]        open the shop; --fresh begins without old data
npm run stack -- <command> [--target native|compose]
  status [--json]                         what runs, since when
  down                                    stop everything
  stop|start|restart|pause|resume <part>  do that to one part; a stopped one stays down
  kill <part> [--leave]                   kill -9; it comes back by itself unless --leave
  logs [<part>] [--follow] [--order <id>] what a part says, or all that are ours; of one order the whole story
  add jaeger|prometheus                   fetch that part and remember it: from the next start on it belongs to the shop
  psp status|up|down [--json]             how the payment provider misbehaves; not at all; it answers nobody
  psp latency <ms>|errors <share>|lose <count>
                                          pause each request; fail a share of them; lose the next replies
  psp nonsense wrong_amount|unknown_status|bad_json
                                          answer what makes no sense
  heal [<service>] [--since <time>]       make a lost replication slot anew, and publish what its outbox holds again;
                                          with a time: what was said since then, also through a sound slot
  sql <service> "<statement>" [--json]    look at its database, as one who may change nothing
  end-session <service> <pid>             end a session that holds others up; its transaction is rolled back
  usage [--seconds 60] [--json]           memory and CPU of every part, without containers
npm run doctor                            is this machine ready, and what to do if not
--wait <seconds> is how long a part is waited for (${PART_WAIT_SECONDS}), the whole shop to stop (${DOWN_WAIT_SECONDS}), or whoever holds up a healing (${HEAL_WAIT_SECONDS});
                 then the command says what it waited for and ends with 1
--target is needed only while a shop without containers (npm start) and one in containers (docker compose up) both run
parts: ${partNames.join(' ')}
       in containers also jaeger connector-watch prometheus grafana`;

const options = {
  detach: { type: 'boolean', default: false },
  fresh: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  'ends-with-parent': { type: 'boolean', default: false },
  leave: { type: 'boolean', default: false },
  follow: { type: 'boolean', default: false },
  order: { type: 'string' },
  seconds: { type: 'string', default: '60' },
  since: { type: 'string' },
  wait: { type: 'string' },
  apart: { type: 'boolean', default: false },
  target: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const ANSWER_WITHIN_MS = 3_000;

const { values: flags, positionals } = readArguments();

try {
  await run(readSettings(), flags.help ? 'help' : (positionals[0] ?? 'help'), positionals[1], positionals[2]);
} catch (error) {
  tellError(error);
  // A look at who is waited for may still be open, and would be for as long as a question may take.
  process.exit();
}

function tellError(error: unknown): void {
  console.error(error instanceof StackProblem ? error.message : error);
  process.exitCode = error instanceof StackProblem && error.code === 'broken_off' ? BROKEN_OFF_CODE : 1;
}

/** The limit that was asked for, else this one. */
function waitAtMost(seconds: number): number {
  const asked = Number(flags.wait ?? seconds);
  if (asked > 0) return asked * 1_000;
  throw new StackProblem('bad_wait', `--wait is '${flags.wait}'; expected a number of seconds above 0.`);
}

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return process.exit(1);
  }
}

async function run(settings: Settings, command: string, name?: string, value?: string): Promise<void> {
  switch (command) {
    case 'start':
      // `start` alone opens the shop, `start <part>` one part of it.
      if (name !== undefined) return act(settings, 'start', name);
      return flags.detach ? startDetached(settings, flags) : startHere(settings, flags);
    case 'supervise':
      return supervise(settings, { fresh: flags.fresh, endsWithParent: flags['ends-with-parent'] });
    case 'down':
      return bringDown(settings);
    case 'status':
      return showStatus(settings);
    case 'stop':
    case 'restart':
    case 'pause':
    case 'resume':
    case 'kill':
      return act(settings, command, name);
    case 'logs':
      return tellLogs(settings, name);
    case 'add':
      return add(settings, name);
    case 'psp':
      return tellPsp(settings, name, value);
    case 'heal':
      return heal(settings, name);
    case 'sql':
      return besideData(async () => showRows(await readRows(settings, databaseOf(name), value)));
    case 'end-session':
      return besideData(async () => console.log(await endSession(settings, databaseOf(name), value)));
    case 'usage':
      return showUsage(settings);
    case 'doctor':
      return runDoctor(settings);
    default:
      console.log(help);
      if (command !== 'help') process.exitCode = 1;
  }
}

async function showStatus(settings: Settings): Promise<void> {
  const over = new AbortController();
  void keepSaying(console.error, over.signal, () => 'waits for the supervisor or Docker to answer');
  const status = await targetAtRest(settings)
    .then((target) => readStatus(target, settings))
    .finally(() => over.abort());
  console.log(flags.json ? JSON.stringify(status, undefined, 2) : formatStatus(status, findLeftovers(settings.home)));
}

/** The shop to look at or to take down, which need not run: it may have left logs, containers, or the parts of a killed run. */
async function targetAtRest(settings: Settings): Promise<Target> {
  try {
    return await chooseTarget(flags.target, settings);
  } catch (error) {
    if (error instanceof StackProblem && error.code === 'not_running') return wantedTarget(flags.target) ?? 'native';
    throw error;
  }
}

async function bringDown(settings: Settings): Promise<void> {
  const began = Date.now();
  const target = await targetAtRest(settings);
  const wasUp = await saidMeanwhile(target, settings, isLeftToStop, () =>
    target === 'compose'
      ? composeShop(settings.project)
          .close(waitAtMost(DOWN_WAIT_SECONDS))
          .then(() => true)
      : stopShop(settings.home, waitAtMost(DOWN_WAIT_SECONDS)),
  );
  if (wasUp) return console.log(`Everything is stopped (${((Date.now() - began) / 1000).toFixed(1)} s).`);
  const lock = await tryLock(settings.home);
  if (lock === undefined)
    throw new StackProblem('starting', `A shop is just starting or ending in ${settings.home}. Try again in a moment.`);
  const leftovers = await endLeftovers(settings.home);
  lock.release();
  console.log(
    leftovers.length === 0
      ? 'No shop was running.'
      : `No supervisor was running; ended what it had left: ${leftovers.join(', ')}.`,
  );
}

function isLeftToStop({ state }: PartStatus): boolean {
  return state !== 'stopped' && state !== 'failed';
}

async function act(settings: Settings, action: PartAction, name: string | undefined): Promise<void> {
  const target = await chooseTarget(flags.target, settings);
  const how = { leave: flags.leave, withinMs: waitAtMost(PART_WAIT_SECONDS) };
  await saidMeanwhile(
    target,
    settings,
    (part) => part.name === name,
    () =>
      target === 'native'
        ? controlPart(settings.home, partName(name), action, how)
        : composeShop(settings.project).actOnPart(name ?? '', action, how),
  );
  const status = (await readStatus(target, settings)).parts.find((one) => one.name === name);
  console.log(`${name}: ${status?.state ?? 'unknown'}${status?.pid === undefined ? '' : ` (pid ${status.pid})`}`);
}

/** Says how the parts fare that are being waited for, while something is done with them. */
async function saidMeanwhile<T>(
  target: Target,
  settings: Settings,
  isWaitedFor: (part: PartStatus) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const words = keepSaying(console.log, over.signal, async () => {
    const status = await Promise.race([readStatus(target, settings), delay(ANSWER_WITHIN_MS)]).catch(() => undefined);
    if (status === undefined)
      return `waits for ${target === 'native' ? 'the supervisor' : 'Docker'}, which does not answer`;
    const parts = status.parts.filter(isWaitedFor);
    return parts.length === 0 ? undefined : `waits for ${parts.map(describePart).join(', ')}`;
  });
  try {
    return await work();
  } finally {
    over.abort();
    await words;
  }
}

function partName(name: string | undefined): PartName {
  const part = partNames.find((known) => known === name);
  if (part === undefined)
    throw new StackProblem('no_such_part', `Expected one of these parts: ${partNames.join(', ')}.`);
  return part;
}

async function tellLogs(settings: Settings, name: string | undefined): Promise<void> {
  const names = name === undefined ? ourParts : [name];
  const sources =
    (await targetAtRest(settings)) === 'compose'
      ? await Promise.all(names.map((part) => logOfContainer(settings.project, part)))
      : names.map((part) => logOfPart(settings.home, part === 'supervisor' ? part : partName(part)));
  await showLogs(sources, {
    order: flags.order,
    follow: flags.follow ? new AbortController().signal : undefined,
    colors: process.stdout.isTTY,
    print: (line) => console.log(line),
  });
}

async function add(settings: Settings, name: string | undefined): Promise<void> {
  makeHome(settings.home);
  const signal = brokenOff({ isApart: false });
  await addPart(settings, name, (detail) => console.log(`${detail} …`), signal);
  console.log(`${name} belongs to the shop from its next start on.`);
}

async function tellPsp(settings: Settings, command?: string, value?: string): Promise<void> {
  const request = readPspRequest(command, value);
  const toldThere = await runWhereDataIs({ program: import.meta.filename, args: process.argv.slice(2) }, flags.target);
  if (toldThere !== undefined) {
    process.exitCode = toldThere;
    return;
  }
  const controls = await controlPsp(await findShop(settings.home), request);
  console.log(flags.json ? JSON.stringify(controls, undefined, 2) : formatPspControls(controls));
}

/** Does something that needs the databases, where they are reached. */
async function besideData(work: () => Promise<void>): Promise<void> {
  const program = { program: import.meta.filename, args: process.argv.slice(2), service: 'owner-tools' } as const;
  const doneThere = await runWhereDataIs(program, flags.target);
  if (doneThere === undefined) await work();
  else process.exitCode = doneThere;
}

function showRows(rows: readonly Record<string, unknown>[]): void {
  if (flags.json) console.log(JSON.stringify(rows, undefined, 2));
  else if (rows.length === 0) console.log('no rows');
  else console.table(rows);
}

async function heal(settings: Settings, name: string | undefined): Promise<void> {
  const { services, since } = readHealRequest(name, flags.since);
  const waitMs = waitAtMost(HEAL_WAIT_SECONDS);
  await besideData(async () => {
    if (!flags.apart) {
      process.exitCode = await runApart(import.meta.filename, process.argv.slice(2));
      return;
    }
    const signal = brokenOff({ isApart: true });
    for (const service of services) {
      await healOutbox(settings, service, { since, waitMs, say: console.log, signal }).catch((error: unknown) => {
        if (signal.aborted) throw error;
        tellError(error);
      });
    }
  }).finally(() => flags.apart && endApart());
}

async function showUsage(settings: Settings): Promise<void> {
  const seconds = Number(flags.seconds);
  if (!(seconds > 0))
    throw new StackProblem('bad_seconds', `--seconds is '${flags.seconds}'; expected a number above 0.`);
  if ((await chooseTarget(flags.target, settings)) === 'compose')
    throw new StackProblem(
      'native_only',
      'Only processes of a supervisor are measured here. Of containers, see: docker stats',
    );
  const { parts, supervisorPid } = await readShopStatus(settings.home);
  if (supervisorPid === undefined)
    throw new StackProblem('not_running', `No shop runs in ${settings.home}. Start it with: npm start`);
  const measured = parts.flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]));
  const usages = await measureUsage({ parts: measured, supervisorPid }, seconds);
  console.log(flags.json ? JSON.stringify(usages, undefined, 2) : formatUsage(usages));
}
