import { parseArgs } from 'node:util';
import { addPart } from './added-parts.ts';
import { tryLock } from './cache-lock.ts';
import { composeShop, logOfContainer } from './compose/compose-shop.ts';
import { runDoctor } from './doctor.ts';
import { healOutbox, readHealRequest } from './heal.ts';
import { makeHome } from './home.ts';
import { logOfPart } from './log-file.ts';
import { showLogs } from './log-follower.ts';
import { ourParts, partNames, type PartName } from './part.ts';
import { endLeftovers, findLeftovers } from './process-record.ts';
import { controlPsp, formatPspControls, readPspRequest } from './psp-controls.ts';
import { readSettings, type Settings } from './settings.ts';
import { controlPart, findShop, type PartAction, readShopStatus, stopShop } from './shop.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { startDetached, startHere, supervise } from './start.ts';
import { formatStatus } from './status-table.ts';
import { chooseTarget, readStatus, runWhereDataIs, type Target, wantedTarget } from './target.ts';
import { formatUsage, measureUsage } from './usage.ts';

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
  usage [--seconds 60] [--json]           memory and CPU of every part, without containers
npm run doctor                            is this machine ready, and what to do if not
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
  target: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const { values: flags, positionals } = readArguments();

try {
  await run(readSettings(), flags.help ? 'help' : (positionals[0] ?? 'help'), positionals[1], positionals[2]);
} catch (error) {
  console.error(error instanceof StackProblem ? error.message : error);
  process.exitCode = 1;
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
  const status = await readStatus(await targetAtRest(settings), settings);
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
  const isDown = () => console.log(`Everything is stopped (${((Date.now() - began) / 1000).toFixed(1)} s).`);
  if ((await targetAtRest(settings)) === 'compose') {
    await composeShop(settings.project).close();
    return isDown();
  }
  if (await stopShop(settings.home)) return isDown();
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

async function act(settings: Settings, action: PartAction, name: string | undefined): Promise<void> {
  const target = await chooseTarget(flags.target, settings);
  if (target === 'native') await controlPart(settings.home, partName(name), action, { leave: flags.leave });
  else await composeShop(settings.project).actOnPart(name ?? '', action, { leave: flags.leave });
  const status = (await readStatus(target, settings)).parts.find((one) => one.name === name);
  console.log(`${name}: ${status?.state ?? 'unknown'}${status?.pid === undefined ? '' : ` (pid ${status.pid})`}`);
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
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  await addPart(settings, name, (detail) => console.log(`${detail} …`), interrupted.signal);
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

async function heal(settings: Settings, name: string | undefined): Promise<void> {
  const { services, since } = readHealRequest(name, flags.since);
  const args = process.argv.slice(2);
  const healedThere = await runWhereDataIs(
    { program: import.meta.filename, args, service: 'owner-tools' },
    flags.target,
  );
  if (healedThere === undefined)
    for (const service of services) await healOutbox(settings, service, { since, say: console.log });
  else process.exitCode = healedThere;
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
