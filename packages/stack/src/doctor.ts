import { checkMachine, checkPorts } from './checks.ts';
import { shopParts } from './parts.ts';
import type { Settings } from './settings.ts';
import { readShopStatus } from './shop.ts';

/** Prints every check with its fix where one is needed; the exit code is 1 when a start would fail. */
export async function runDoctor(settings: Settings): Promise<void> {
  const { state } = await readShopStatus(settings.home);
  const machine = await checkMachine(settings);
  // A running shop holds its own ports, and most of the memory asked for.
  const checks =
    state === 'stopped'
      ? [...machine, await checkPorts(shopParts(settings))]
      : machine.filter(({ name }) => name !== 'memory');
  for (const { name, found, fix } of checks)
    console.log(`${fix === undefined ? 'ok ' : 'NO '} ${name}: ${found}${fix === undefined ? '' : `\n    ${fix}.`}`);
  if (state !== 'stopped')
    console.log(`ok  the shop is ${state} in ${settings.home}; its memory and ports are not checked`);
  const failures = checks.filter((check) => check.fix !== undefined).length;
  console.log(failures === 0 ? '\nReady: npm start' : `\n${failures} of ${checks.length} checks failed.`);
  if (failures > 0) process.exitCode = 1;
}
