import { parseArgs } from 'node:util';
import { tryLock } from './cache-lock.ts';
import { runDoctor } from './doctor.ts';
import { followLog } from './log-follower.ts';
import { partNames, type PartName } from './part.ts';
import { endLeftovers, findLeftovers } from './process-record.ts';
import { controlPsp, formatPspControls, readPspRequest } from './psp-controls.ts';
import { readSettings, type Settings } from './settings.ts';
import { controlPart, findShop, type PartAction, readShopStatus, stopShop } from './shop.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { startDetached, startHere, supervise } from './start.ts';
import { formatStatus } from './status-table.ts';
import { formatUsage, measureUsage } from './usage.ts';

const help = `npm start [-- --detach] [--fresh]        open the shop; --fresh begins without old data
npm run stack -- <command>
  status [--json]                         what runs, since when
  down                                    stop everything
  stop|start|restart|pause|resume <part>  do that to one part; a stopped one stays down
  kill <part> [--leave]                   kill -9; it comes back by itself unless --leave
  logs <part|supervisor> [--follow]
  psp status|up|down [--json]             how the payment provider misbehaves; not at all; it answers nobody
  psp latency <ms>|errors <share>|lose <count>
                                          pause each request; fail a share of them; lose the next replies
  psp nonsense wrong_amount|unknown_status|bad_json
                                          answer what makes no sense
  usage [--seconds 60] [--json]           memory and CPU of every part
npm run doctor                            is this machine ready, and what to do if not
parts: ${partNames.join(' ')}`;

const options = {
  detach: { type: 'boolean', default: false },
  fresh: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  'ends-with-parent': { type: 'boolean', default: false },
  leave: { type: 'boolean', default: false },
  follow: { type: 'boolean', default: false },
  seconds: { type: 'string', default: '60' },
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
    case 'status': {
      const status = await readShopStatus(settings.home);
      return console.log(
        flags.json ? JSON.stringify(status, undefined, 2) : formatStatus(status, findLeftovers(settings.home)),
      );
    }
    case 'stop':
    case 'restart':
    case 'pause':
    case 'resume':
    case 'kill':
      return act(settings, command, name);
    case 'logs':
      return followLog(settings.home, name === 'supervisor' ? name : partName(name), { follow: flags.follow });
    case 'psp': {
      const request = readPspRequest(name, value);
      const controls = await controlPsp(await findShop(settings.home), request);
      return console.log(flags.json ? JSON.stringify(controls, undefined, 2) : formatPspControls(controls));
    }
    case 'usage':
      return showUsage(settings);
    case 'doctor':
      return runDoctor(settings);
    default:
      console.log(help);
      if (command !== 'help') process.exitCode = 1;
  }
}

async function bringDown(settings: Settings): Promise<void> {
  const began = Date.now();
  if (await stopShop(settings.home))
    return console.log(`Everything is stopped (${((Date.now() - began) / 1000).toFixed(1)} s).`);
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
  const part = partName(name);
  await controlPart(settings.home, part, action, { leave: flags.leave });
  const status = (await readShopStatus(settings.home)).parts.find((one) => one.name === part);
  console.log(`${part}: ${status?.state ?? 'unknown'}${status?.pid === undefined ? '' : ` (pid ${status.pid})`}`);
}

function partName(name: string | undefined): PartName {
  const part = partNames.find((known) => known === name);
  if (part === undefined)
    throw new StackProblem('no_such_part', `Expected one of these parts: ${partNames.join(', ')}.`);
  return part;
}

async function showUsage(settings: Settings): Promise<void> {
  const seconds = Number(flags.seconds);
  if (!(seconds > 0))
    throw new StackProblem('bad_seconds', `--seconds is '${flags.seconds}'; expected a number above 0.`);
  const shop = await findShop(settings.home);
  const parts = Object.entries(shop.partPids).map(([name, pid]) => ({ name, pid }));
  const usages = await measureUsage({ parts, supervisorPid: shop.supervisorPid }, seconds);
  console.log(flags.json ? JSON.stringify(usages, undefined, 2) : formatUsage(usages));
}
