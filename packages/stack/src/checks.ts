import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { HOST } from './addresses.ts';
import { isRoot, postgresUser } from './home.ts';
import { JAVA_MAJOR_MIN, javaFolder, type JavaVersion, javaVersion } from './java.ts';
import type { Part } from './part.ts';
import { installedRedis } from './redis.ts';
import type { Settings } from './settings.ts';
import { messageOf } from './stack-problem.ts';

/** One thing the machine must offer. `fix` is there exactly when it does not. */
export type Check = { readonly name: string; readonly found: string; readonly fix?: string };

// The whole shop takes 1.1 GB at rest and 1.3 GB after a thousand orders at full speed.
const MEMORY_BYTES_MIN = 2 * 1024 ** 3;
// Packages 0.6 GB, data of a first day 0.5 GB, and what the slots may hold back.
const DISK_BYTES_MIN = 2 * 1024 ** 3;
const NODE_MAJOR_MIN = 24;
const VERSION_WITHIN_MS = 20_000;

/** Everything that must be so before a start, ports aside. The same list is `npm run doctor`. */
export async function checkMachine(settings: Settings): Promise<Check[]> {
  return [
    checkPlatform(),
    checkNode(),
    await checkJava(),
    checkMaven(settings),
    checkRedis(settings),
    judgeMemory(Math.min(availableMemory(), cgroupMemory())),
    checkDisk(settings.home),
    checkDisk(settings.cache),
    checkUser(settings),
  ];
}

/** Whether the parts' ports can be listened on. */
export async function checkPorts(parts: readonly Part<string>[]): Promise<Check> {
  const wanted = parts.flatMap((part) => part.ports.map((port) => ({ part: part.name, ...port })));
  const taken = (await Promise.all(wanted.map(async (one) => ((await isPortFree(one.port)) ? [] : [one])))).flat();
  if (taken.length === 0) return { name: 'ports', found: `all ${wanted.length} are free` };
  const found = taken.map(({ part, variable, port }) => `${port} (${part}, ${variable})`).join(', ');
  const fix = 'End what listens there, change the port with its variable, or move all ports: SAGAMART_PORT_OFFSET=1000';
  return { name: 'ports taken', found, fix };
}

/** The message of a start that cannot be, or undefined when all is well. */
export function describeFailures(checks: readonly Check[]): string | undefined {
  const failures = checks.filter((check) => check.fix !== undefined);
  return failures.length === 0
    ? undefined
    : failures.map(({ name, found, fix }) => `${name}: ${found}. ${fix}`).join('\n');
}

/** Whether a port of this machine's loopback can be listened on. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ host: HOST, port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

function checkPlatform(): Check {
  const name = 'platform';
  const report: unknown = process.report.getReport();
  const glibc =
    typeof report === 'object' &&
    report !== null &&
    'header' in report &&
    JSON.stringify(report.header).includes('glibcVersionRuntime');
  const found = `${process.platform} ${process.arch}${glibc ? '' : ', no glibc'}`;
  if (process.platform === 'linux' && process.arch === 'x64' && glibc) return { name, found };
  return {
    name,
    found,
    fix: 'Without containers the shop runs on Linux x64 with glibc (Debian, Ubuntu, Fedora …). Use such a machine or virtual machine',
  };
}

function checkNode(): Check {
  const found = process.version;
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return { name: 'Node', found };
  return { name: 'Node', found, fix: `Node ${NODE_MAJOR_MIN} is needed here. Start with npm start, which fetches it` };
}

async function checkJava(): Promise<Check> {
  try {
    return judgeJava(await javaVersion());
  } catch (error) {
    return { name: 'Java', found: 'none', fix: messageOf(error) };
  }
}

export function judgeJava({ text, major }: JavaVersion): Check {
  if (major >= JAVA_MAJOR_MIN) return { name: 'Java', found: text };
  const fix = `Kafka needs Java ${JAVA_MAJOR_MIN} or newer. Install one, or point JAVA_HOME at it`;
  return { name: 'Java', found: text, fix };
}

function checkMaven(settings: Settings): Check {
  if (existsSync(javaFolder(settings))) return { name: 'Maven', found: 'not needed, its packages are in the cache' };
  const said = spawnSync('mvn', ['--version'], { encoding: 'utf8', timeout: VERSION_WITHIN_MS });
  if (said.status === 0) return { name: 'Maven', found: stripVTControlCharacters(said.stdout.split('\n')[0] ?? '') };
  return {
    name: 'Maven',
    found: 'none',
    fix: 'Maven fetches Kafka and Debezium. Install it, for example: apt-get install maven',
  };
}

function checkRedis(settings: Settings): Check {
  const installed = installedRedis();
  if (installed !== undefined) return { name: 'Redis', found: installed };
  const hasSsl = ['/usr/lib/x86_64-linux-gnu', '/lib/x86_64-linux-gnu', '/usr/lib64', '/lib64'].some((folder) =>
    existsSync(`${folder}/libssl.so.3`),
  );
  if (hasSsl) return { name: 'Redis', found: existsSync(javaFolder(settings)) ? 'in the cache' : 'will be fetched' };
  return {
    name: 'Redis',
    found: 'none, and the one that can be fetched needs libssl 3',
    fix: 'Install Redis or Valkey, for example: apt-get install redis-server',
  };
}

export function judgeMemory(availableBytes: number): Check {
  const found = `${gigabytes(availableBytes)} available`;
  if (availableBytes >= MEMORY_BYTES_MIN) return { name: 'memory', found };
  const fix = `The shop needs ${gigabytes(MEMORY_BYTES_MIN)}. Close other programs or give the machine more memory`;
  return { name: 'memory', found, fix };
}

function availableMemory(): number {
  const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function cgroupMemory(): number {
  const folder = '/sys/fs/cgroup';
  if (!existsSync(`${folder}/memory.max`) || !existsSync(`${folder}/memory.current`)) return Infinity;
  const limit = readFileSync(`${folder}/memory.max`, 'utf8').trim();
  return limit === 'max' ? Infinity : Number(limit) - Number(readFileSync(`${folder}/memory.current`, 'utf8'));
}

function checkDisk(folder: string): Check {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return judgeDisk(folder, bavail * bsize);
}

export function judgeDisk(folder: string, freeBytes: number): Check {
  const name = `disk of ${folder}`;
  const found = `${gigabytes(freeBytes)} free`;
  if (freeBytes >= DISK_BYTES_MIN) return { name, found };
  const needed = gigabytes(DISK_BYTES_MIN);
  const fix = `The shop needs ${needed} there. Free some, or set SAGAMART_HOME and SAGAMART_CACHE to folders on a larger disk`;
  return { name, found, fix };
}

function checkUser(settings: Settings): Check {
  if (!isRoot()) return { name: 'user', found: 'not root' };
  try {
    const user = postgresUser();
    return { name: 'user', found: `root; PostgreSQL runs as user ${user?.uid}, home is ${settings.home}` };
  } catch (error) {
    return { name: 'user', found: 'root', fix: messageOf(error) };
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
