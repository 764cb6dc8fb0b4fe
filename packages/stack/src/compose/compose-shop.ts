import { setTimeout as delay } from 'node:timers/promises';
import type { ActOptions, ControlledShop } from '../control.ts';
import type { LogSource } from '../log-follower.ts';
import { DOWN_WAIT_SECONDS, type PartAction } from '../shop.ts';
import { messageOf, StackProblem } from '../stack-problem.ts';
import { type Container, docker as askDocker, followLog, inspectContainer, listContainers, readLog } from './docker.ts';
import type { ShopStatus } from '../supervisor.ts';
import { readSights } from './part-sights.ts';
import { isPart, judgeShop } from './part-status.ts';

const KILLED_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 250;
const ERROR_LOG_LINES = 20;

/** The shop in the containers of a compose project. Its parts are looked after by Docker; this only asks and tells Docker. */
export function composeShop(project: string): ControlledShop {
  return {
    status: () => readShop(project),
    actOnPart: async (name, action, options) => actOn(await findContainer(project, name, isPart), action, options),
    close: (withinMs = DOWN_WAIT_SECONDS * 1_000) => takeDown(project, withinMs),
  };
}

async function readShop(project: string): Promise<ShopStatus> {
  const containers = await listContainers(project);
  return judgeShop(containers, new Date(), await readSights(containers, new Date()));
}

async function findContainer(
  project: string,
  service: string,
  isMeant: (container: Container) => boolean,
): Promise<Container> {
  const containers = (await listContainers(project)).filter(isMeant);
  const found = containers.find((container) => container.service === service);
  if (found !== undefined) return found;
  const names = containers.map((container) => container.service).toSorted();
  throw new StackProblem(
    'no_such_part',
    names.length === 0
      ? `The compose project ${project} has no containers. Start it with: docker compose up --wait`
      : `There is no '${service}' in the compose project ${project}. Expected one of: ${names.join(', ')}.`,
  );
}

async function actOn(container: Container, action: PartAction, { leave, withinMs }: ActOptions): Promise<void> {
  const deadline = Date.now() + withinMs;
  const docker = (args: readonly string[]) => askDocker(args, { withinMs });
  switch (action) {
    case 'stop':
      return void (await docker(['stop', container.name]));
    case 'start':
      if (container.status === 'paused')
        throw new StackProblem(
          'paused',
          `${container.service} is paused. Let it go on with: npm run stack -- resume ${container.service}`,
        );
      await docker(['start', container.name]);
      return whenHealthy(container, deadline);
    case 'restart':
      await docker(['restart', container.name]);
      return whenHealthy(container, deadline);
    case 'kill':
      return leave ? void (await docker(['kill', container.name])) : crash(container);
    case 'pause':
      return void (await docker(['pause', container.name]));
    case 'resume':
      await docker(['unpause', container.name]);
      return whenHealthy(container, deadline);
    default:
      return action satisfies never;
  }
}

/**
 * Ends every process of the container from inside, so that the restart policy sees a crash: `docker kill` counts as a manual stop, after which it
 * does nothing. The signal spares only the container's init, which ends with its child.
 */
async function crash(container: Container): Promise<void> {
  if (container.pid === 0)
    throw new StackProblem('no_process', `${container.service} is ${container.status}: it has no process to kill.`);
  if (container.status === 'paused') await askDocker(['unpause', container.name]);
  // The shell that sends the signal is ended with the container: how this command ends tells nothing.
  const said = await askDocker(['exec', container.name, 'sh', '-c', 'kill -9 -1']).catch(messageOf);
  const deadline = Date.now() + KILLED_WITHIN_MS;
  for (;;) {
    const now = await inspectContainer(container.name);
    if (now.pid !== container.pid) return;
    if (Date.now() > deadline)
      throw new StackProblem(
        'not_killed',
        `${container.service} still runs ${KILLED_WITHIN_MS / 1000} s after it was killed: ${said}`,
      );
    await delay(LOOK_EVERY_MS);
  }
}

async function whenHealthy(container: Container, deadline: number): Promise<void> {
  const { name, service } = container;
  const began = Date.now();
  for (;;) {
    const { status, health } = await inspectContainer(name);
    if (status === 'running' && (health === undefined || health.status === 'healthy')) return;
    if (status === 'exited' || status === 'dead' || Date.now() > deadline) {
      const log = await readLog(name, ERROR_LOG_LINES);
      const end =
        status === 'running' ? `is not healthy after ${Math.round((Date.now() - began) / 1_000)} s` : `is ${status}`;
      throw new StackProblem(
        status === 'running' ? 'not_in_time' : 'part_failed',
        `${service} ${end}${health?.said ? `: ${health.said}` : ''}. It said:\n${log}`,
      );
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** The log of a part or of `set-up`, as its container keeps it. */
export async function logOfContainer(project: string, part: string): Promise<LogSource> {
  const { name } = await findContainer(project, part, ({ isOneOff }) => !isOneOff);
  return {
    part,
    readPast: async (linesMax) => (await readLog(name, linesMax)).split('\n').filter((line) => line !== ''),
    follow: (tell, signal) => followLog(name, tell, signal),
  };
}

async function takeDown(project: string, withinMs: number): Promise<void> {
  const [container] = await listContainers(project);
  if (container === undefined) return;
  // Every profile: what only one of them starts would be left.
  const args = [...container.composeArgs, '--profile', '*', '--progress', 'quiet', 'down', '--remove-orphans'];
  await askDocker(['compose', ...args], { withinMs });
}
