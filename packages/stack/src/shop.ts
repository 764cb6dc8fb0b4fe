import type { DatabaseService } from './addresses.ts';
import { askStatus, askSupervisor } from './control-client.ts';
import { launchShop } from './launch.ts';
import type { PartName } from './part.ts';
import { readSettings } from './settings.ts';
import { StackProblem } from './stack-problem.ts';
import type { ShopStatus } from './supervisor.ts';

/** Where to reach a running shop and the secrets to do it with. */
export type Shop = {
  readonly home: string;
  readonly gatewayUrl: string;
  readonly pspUrl: string;
  readonly pspApiKey: string;
  readonly operatorSecret: string;
  readonly mailUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly connectUrl: string;
  /** Connection strings that can read everything and change nothing. */
  readonly auditorUrls: Readonly<Record<DatabaseService, string>>;
};

/** How long a part is waited for that is to start, stop or go on, and how long the whole shop that is to stop. */
export const PART_WAIT_SECONDS = 90;
export const DOWN_WAIT_SECONDS = 180;

export const partActions = ['stop', 'start', 'restart', 'kill', 'pause', 'resume'] as const;
export type PartAction = (typeof partActions)[number];

/** The shop that runs in SAGAMART_HOME (or the checkout's own home). Throws a StackProblem `not_running` when none does. */
export async function findShop(home: string = readSettings().home): Promise<Shop> {
  return (await askSupervisor(home, 'GET', '/shop')) as Shop;
}

/** State of the shop and of each of its parts; a shop that does not run has no parts. */
export function readShopStatus(home: string = readSettings().home): Promise<ShopStatus> {
  return askStatus(home);
}

/**
 * Does something to one part and resolves when it is done: a started part answers, a stopped or killed one has no process left. A killed part is
 * started again by the supervisor unless `leave`; a stopped one stays down until it is started. Throws a StackProblem `not_in_time`, with what it waited
 * for, when that takes longer.
 */
export async function controlPart(
  home: string,
  name: PartName,
  action: PartAction,
  { leave = false, withinMs = PART_WAIT_SECONDS * 1_000 } = {},
): Promise<void> {
  const options = new URLSearchParams({ within: String(withinMs), ...(leave && { leave: '1' }) });
  await askSupervisor(home, 'POST', `/parts/${name}/${action}?${options.toString()}`, withinMs);
}

/** Stops the whole shop; resolves when no process of it is left. False when none was running. */
export async function stopShop(home: string, withinMs = DOWN_WAIT_SECONDS * 1_000): Promise<boolean> {
  try {
    await askSupervisor(home, 'POST', '/down', withinMs);
    return true;
  } catch (error) {
    if (error instanceof StackProblem && error.code === 'not_running') return false;
    throw error;
  }
}

export type ShopOfItsOwn = {
  readonly home: string;
  /** Added to every default port. */
  readonly portOffset: number;
  readonly fresh?: boolean;
  /** Further variables: settings of infra/local.env or single ports. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts a shop beside any other, in its own home and on its own ports, and resolves when it is open. `stop` ends all of it; so does the end of this process. */
export async function startShop({
  home,
  portOffset,
  fresh = false,
  env = {},
}: ShopOfItsOwn): Promise<{ shop: Shop; stop: () => Promise<void> }> {
  const all = { ...process.env, ...env, SAGAMART_HOME: home, SAGAMART_PORT_OFFSET: String(portOffset) };
  await launchShop({ home, env: all, fresh, endsWithUs: true, show: () => undefined });
  return {
    shop: await findShop(home),
    stop: async () => void (await stopShop(home)),
  };
}
