import { runBesideData, type Tool } from './compose/beside-data.ts';
import { composeShop } from './compose/compose-shop.ts';
import { askStatus } from './control-client.ts';
import { readSettings, type Settings } from './settings.ts';
import { StackProblem } from './stack-problem.ts';
import type { ShopStatus } from './supervisor.ts';

export const targets = ['native', 'compose'] as const;
/** What a shop runs on: processes of this machine that a supervisor looks after, or containers of a compose project. */
export type Target = (typeof targets)[number];

export type Found = {
  readonly home: string;
  readonly project: string;
  readonly native: boolean;
  readonly compose: boolean;
  /** Why there can be no shop in containers, where that is so. */
  readonly noDocker?: string;
};

/**
 * Which shop is meant: the one that was asked for, else the one that runs. Throws a StackProblem `two_shops` when both
 * do, and `not_running` when none does.
 */
export async function chooseTarget(asked?: string, settings: Settings = readSettings()): Promise<Target> {
  const wanted = wantedTarget(asked);
  const { home, project, hosts } = settings;
  // In a container beside the data the shop is found at a control socket, as it is without containers.
  if (wanted === 'native' || hosts === 'part-names') return 'native';
  const [native, compose] = await Promise.all([askStatus(home), statusOfCompose(project)]);
  return judgeTarget(wanted, {
    home,
    project,
    native: native.state !== 'stopped',
    compose: compose.status?.state !== undefined && compose.status.state !== 'stopped',
    ...(compose.noDocker === undefined ? {} : { noDocker: compose.noDocker }),
  });
}

/** The target that was asked for: `--target`, else SAGAMART_TARGET. */
export function wantedTarget(asked: string | undefined): Target | undefined {
  return readTarget(asked ?? process.env.SAGAMART_TARGET);
}

/** The target a word means; undefined for no word. Throws a StackProblem for any other. */
export function readTarget(word: string | undefined): Target | undefined {
  if (word === undefined || word === '') return undefined;
  const known = targets.find((target) => target === word);
  if (known === undefined)
    throw new StackProblem(
      'no_such_target',
      `There is no target '${word}'. Expected: --target ${targets.join(' or ')}.`,
    );
  return known;
}

export function judgeTarget(wanted: Target | undefined, found: Found): Target {
  const { home, project, native, compose, noDocker } = found;
  const startCompose = `docker compose${project === 'sagamart' ? '' : ` -p ${project}`} up --wait`;
  if (wanted === 'compose' && noDocker !== undefined) throw new StackProblem('no_docker', noDocker);
  if (wanted === 'compose' && !compose)
    throw new StackProblem(
      'not_running',
      `The compose project ${project} does not run. Start it with: ${startCompose}`,
    );
  if (wanted !== undefined) return wanted;
  if (native && compose)
    throw new StackProblem(
      'two_shops',
      `Two shops run: one in ${home}, one as the compose project ${project}. Say which is meant: --target native or --target compose.`,
    );
  if (native) return 'native';
  if (compose) return 'compose';
  throw new StackProblem(
    'not_running',
    `No shop runs, neither in ${home} nor as the compose project ${project}. Start one with: npm start, or: ${startCompose}`,
  );
}

/** State of the shop that is meant and of each of its parts, whatever it runs on. */
export async function readStatus(target: Target, settings: Settings = readSettings()): Promise<ShopStatus> {
  return target === 'native' ? askStatus(settings.home) : composeShop(settings.project).status();
}

/**
 * For a program that reads the shop's databases, Kafka or ledger. Where only containers reach those, runs the program as one and resolves with its exit
 * code; resolves with undefined where it can go on here. Throws as `chooseTarget` does.
 */
export async function runWhereDataIs(tool: Tool, asked?: string): Promise<number | undefined> {
  const settings = readSettings();
  return (await chooseTarget(asked, settings)) === 'native' ? undefined : runBesideData(settings, tool);
}

async function statusOfCompose(project: string): Promise<{ status?: ShopStatus; noDocker?: string }> {
  try {
    return { status: await composeShop(project).status() };
  } catch (error) {
    if (error instanceof StackProblem && error.code === 'no_docker') return { noDocker: error.message };
    throw error;
  }
}
