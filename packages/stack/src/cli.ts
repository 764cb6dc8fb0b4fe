import { parseArgs } from 'node:util';
import { runDoctor } from './doctor.ts';
import { type OpenShop, openShop } from './open-shop.ts';
import { launchShop } from './launch.ts';
import { followLog } from './log-follower.ts';
import { partNames, type PartName } from './part.ts';
import { endLeftovers, findLeftovers } from './process-record.ts';
import { progressOn } from './progress.ts';
import { readSettings, type Settings } from './settings.ts';
import { controlPart, findShop, type PartAction, readShopStatus, stopShop } from './shop.ts';
import { StackProblem } from './stack-problem.ts';
import { formatStatus, formatWelcome } from './status-table.ts';
import { formatUsage, measureUsage } from './usage.ts';

const help = `npm start [-- --detach] [--fresh]        open the shop; --fresh begins without old data
npm run stack -- <command>
  status [--json]                         what runs, since when
  down                                    stop everything
  stop|start|restart|pause|resume <part>  do that to one part; a stopped one stays down
  kill <part> [--leave]                   kill -9; it comes back by itself unless --leave
  logs <part|supervisor> [--follow]
  usage [--seconds 60] [--json]           memory and CPU of every part
npm run doctor                            is this machine ready, and what to do if not
parts: ${partNames.join(' ')}`;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    detach: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'ends-with-parent': { type: 'boolean', default: false },
    leave: { type: 'boolean', default: false },
    follow: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});

try {
  await run(readSettings(), flags.help ? 'help' : (positionals[0] ?? 'help'), positionals[1]);
} catch (error) {
  console.error(error instanceof StackProblem ? error.message : error);
  process.exitCode = 1;
}

async function run(settings: Settings, command: string, name: string | undefined): Promise<void> {
  switch (command) {
    case 'start':
      // `start` alone opens the shop, `start <part>` one part of it.
      if (name !== undefined) return act(settings, 'start', name);
      return flags.detach ? startDetached(settings) : startHere(settings);
    case 'supervise':
      return supervise(settings);
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
    case 'usage':
      return showUsage(settings);
    case 'doctor':
      return runDoctor(settings);
    default:
      console.log(help);
      if (command !== 'help') process.exitCode = 1;
  }
}

async function startHere(settings: Settings): Promise<void> {
  const began = Date.now();
  const shop = await openShop(settings, { fresh: flags.fresh });
  // A terminal that was closed cannot be written to any more; the parts must be stopped all the same.
  process.stdout.on('error', () => undefined);
  stopOnOwnMistake(shop);
  const progress = progressOn(process.stdout);
  const redraw = setInterval(() => progress.show(shop.supervisor.status()), 150);
  let asked = false;
  const leave = () => {
    if (asked) return;
    asked = true;
    clearInterval(redraw);
    progress.finish();
    console.log('\nStopping …');
    void shop.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
  try {
    await shop.ready;
  } catch (error) {
    if (!asked) throw error;
  } finally {
    clearInterval(redraw);
    progress.finish();
  }
  if (!asked) console.log(formatWelcome(settings, shop.supervisor.status(), Date.now() - began, { detached: false }));
  await shop.closed;
  console.log('Everything is stopped.');
}

async function startDetached(settings: Settings): Promise<void> {
  const began = Date.now();
  const progress = progressOn(process.stdout);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      console.log('\nStopping …');
      void stopShop(settings.home);
    });
  }
  try {
    await launchShop({
      home: settings.home,
      env: process.env,
      fresh: flags.fresh,
      endsWithUs: false,
      show: progress.show,
    });
  } finally {
    progress.finish();
  }
  console.log(formatWelcome(settings, await readShopStatus(settings.home), Date.now() - began, { detached: true }));
}

// The supervisor of a detached shop; what it prints is shown by whoever launched it.
async function supervise(settings: Settings): Promise<void> {
  const shop = await openShop(settings, { fresh: flags.fresh });
  stopOnOwnMistake(shop);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void shop.close());
  process.on('SIGHUP', () => undefined);
  if (flags['ends-with-parent']) closeWithParent(shop);
  await shop.ready;
  await shop.closed;
}

const PARENT_LOOK_MS = 500;

// A shop that a test opened must not outlive it, also when the test is killed.
function closeWithParent(shop: OpenShop): void {
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    void shop.close();
  }, PARENT_LOOK_MS);
  look.unref();
}

// A mistake of the supervisor's own must not leave the parts without one.
function stopOnOwnMistake(shop: OpenShop): void {
  process.once('uncaughtException', (error) => {
    console.error(error);
    shop.supervisor.log(`stops because of a mistake of its own: ${error.stack}`);
    process.exitCode = 1;
    void shop.close();
  });
}

async function bringDown(settings: Settings): Promise<void> {
  const began = Date.now();
  if (await stopShop(settings.home))
    return console.log(`Everything is stopped (${((Date.now() - began) / 1000).toFixed(1)} s).`);
  const leftovers = await endLeftovers(settings.home);
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
