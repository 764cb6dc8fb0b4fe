import { type Check, checkMachine, checkPorts } from './checks.ts';
import { composeShop } from './compose/compose-shop.ts';
import { checkDocker } from './compose/docker-checks.ts';
import { shopParts } from './parts.ts';
import type { Settings } from './settings.ts';
import { readShopStatus } from './shop.ts';
import type { ShopState } from './supervisor.ts';

/** Prints every check of both ways to run the shop, with its fix where one is needed; the exit code is 1 when neither way is open. */
export async function runDoctor(settings: Settings): Promise<void> {
  const inContainers = await stateInContainers(settings.project);
  const isNativeReady = await showNative(settings);
  const checks = await checkDocker(settings.root, { isRunning: inContainers !== 'stopped' });
  const isDockerReady = showChecks('In containers', checks);
  if (inContainers !== 'stopped') console.log(notChecked(inContainers, `the compose project ${settings.project}`));
  console.log(judgeWays({ native: isNativeReady, compose: isDockerReady }));
  if (!isNativeReady && !isDockerReady) process.exitCode = 1;
}

async function stateInContainers(project: string): Promise<ShopState> {
  try {
    return (await composeShop(project).status()).state;
  } catch {
    // What is wrong with Docker is told by its checks.
    return 'stopped';
  }
}

/** The last word: one open way is enough. */
export function judgeWays({ native, compose }: { native: boolean; compose: boolean }): string {
  const ways = [...(native ? ['npm start'] : []), ...(compose ? ['docker compose up --wait'] : [])];
  return ways.length === 0
    ? '\nNot ready: put right what one of the two ways needs.'
    : `\nReady: ${ways.join(', or: ')}`;
}

async function showNative(settings: Settings): Promise<boolean> {
  const { state } = await readShopStatus(settings.home);
  const machine = await checkMachine(settings);
  // A running shop holds its own ports, and most of the memory asked for.
  const checks =
    state === 'stopped'
      ? [...machine, await checkPorts(shopParts(settings))]
      : machine.filter(({ name }) => name !== 'memory');
  const isReady = showChecks('Without containers', checks);
  if (state !== 'stopped') console.log(notChecked(state, settings.home));
  return isReady;
}

function showChecks(way: string, checks: readonly Check[]): boolean {
  console.log(`${way}:`);
  for (const { name, found, fix } of checks)
    console.log(`${fix === undefined ? 'ok ' : 'NO '} ${name}: ${found}${fix === undefined ? '' : `\n    ${fix}.`}`);
  return checks.every(({ fix }) => fix === undefined);
}

function notChecked(state: string, place: string): string {
  return `ok  the shop is ${state} in ${place}; its memory and ports are not checked`;
}
