import { join } from 'node:path';
import { type Check, isPortFree } from '../checks.ts';
import { messageOf } from '../stack-problem.ts';
import { docker } from './docker.ts';

/** Engine 25 is the first to check a starting container more often than a running one (`start_interval`). */
const ENGINE_MAJOR_MIN = 25;
/** The Compose that came with Engine 25: it has `include` of several files (2.20) and hands `start_interval` on. */
const COMPOSE_MIN = { major: 2, minor: 24 };
// The whole shop takes 1.4 GB after the end-to-end suite, a tool beside it 0.3; its limits would let it take 5.9.
const MEMORY_BYTES_MIN = 4 * 1024 ** 3;

/** Everything that must be so before `docker compose up`. The first that fails hides those that build on it. */
export async function checkDocker(root: string, { isRunning }: { isRunning: boolean }): Promise<Check[]> {
  const [engine, info] = await readEngine();
  if (info === undefined) return [engine];
  const compose = judgeCompose(await docker(['compose', 'version', '--short']).catch(() => ''));
  if (compose.fix !== undefined) return [engine, compose];
  // A running shop holds its own ports, and most of the memory asked for.
  const rest = isRunning ? [] : [judgeDockerMemory(info.memoryBytes), await checkPublishedPorts(root)];
  return [engine, compose, ...rest];
}

export function judgeEngine(version: string): Check {
  const name = 'Docker';
  if (Number.parseInt(version, 10) >= ENGINE_MAJOR_MIN) return { name, found: `Engine ${version}` };
  return { name, found: `Engine ${version}`, fix: `Docker Engine ${ENGINE_MAJOR_MIN} or newer is needed. Update it` };
}

export function judgeCompose(version: string): Check {
  const name = 'Compose';
  const needed = `${COMPOSE_MIN.major}.${COMPOSE_MIN.minor}`;
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version.trim()) ?? [];
  if (major === undefined)
    return {
      name,
      found: 'none',
      fix: `Install Docker's plugin Compose ${needed} or newer (docker compose, not docker-compose)`,
    };
  const isEnough =
    Number(major) > COMPOSE_MIN.major || (Number(major) === COMPOSE_MIN.major && Number(minor) >= COMPOSE_MIN.minor);
  if (isEnough) return { name, found: version.trim() };
  return { name, found: version.trim(), fix: `Compose ${needed} or newer is needed. Update Docker's plugin Compose` };
}

export function judgeDockerMemory(bytes: number): Check {
  const gigabytes = (amount: number) => `${(amount / 1024 ** 3).toFixed(1)} GB`;
  const found = `Docker has ${gigabytes(bytes)}`;
  if (bytes >= MEMORY_BYTES_MIN) return { name: 'memory', found };
  const fix = `The shop needs ${gigabytes(MEMORY_BYTES_MIN)}. Give Docker more, or start the small shop: docker compose --env-file infra/compose/light.env up --wait`;
  return { name: 'memory', found, fix };
}

type Published = { readonly service: string; readonly port: number };

export function judgePublishedPorts(published: readonly Published[], taken: readonly Published[]): Check {
  if (taken.length === 0) return { name: 'ports', found: `all ${published.length} are free` };
  const found = taken.map(({ service, port }) => `${port} (${service}, ${service.toUpperCase()}_PORT)`).join(', ');
  return {
    name: 'ports taken',
    found,
    fix: 'End what listens there, or set another port in the environment or in .env',
  };
}

/** The ports of this machine that a resolved compose file publishes. */
export function readPublishedPorts(config: string): Published[] {
  const { services } = JSON.parse(config) as { services: Record<string, { ports?: { published: string }[] }> };
  return Object.entries(services).flatMap(([service, { ports = [] }]) =>
    ports.map(({ published }) => ({ service, port: Number(published) })),
  );
}

async function readEngine(): Promise<[Check, { memoryBytes: number }?]> {
  try {
    const info = await docker(['info', '--format', '{{json .ServerVersion}} {{json .MemTotal}}']);
    const [version = '', memory] = info.trim().split(' ');
    const engine = judgeEngine(JSON.parse(version) as string);
    return engine.fix === undefined ? [engine, { memoryBytes: Number(memory) }] : [engine];
  } catch (error) {
    const fix = 'Install Docker, start its engine, and see that this user may use it';
    return [{ name: 'Docker', found: messageOf(error).replace(/\W+$/, ''), fix }];
  }
}

// Compose itself says which variable has no value, and where the ports are in the end.
async function checkPublishedPorts(root: string): Promise<Check> {
  const file = join(root, 'docker-compose.yml');
  try {
    const published = readPublishedPorts(await docker(['compose', '--file', file, 'config', '--format', 'json']));
    const isTaken = await Promise.all(published.map(async ({ port }) => !(await isPortFree(port))));
    return judgePublishedPorts(
      published,
      published.filter((_port, index) => isTaken[index]),
    );
  } catch (error) {
    return {
      name: 'docker-compose.yml',
      found: messageOf(error),
      fix: 'Set what is missing in the environment or in .env',
    };
  }
}
