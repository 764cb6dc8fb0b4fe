import { parseArgs } from 'node:util';
import { explore, type Model } from './exploration.ts';
import { modelLastUnit } from './last-unit.ts';
import { findMutant } from './mutants.ts';
import { fullBounds, modelOneOrder } from './order-exploration.ts';
import { productionRules } from './rules.ts';

const help = `npm run explore                         every state of one order, and of two orders that want the last unit
npm run explore -- --mutant <name>      the same with one rule bent, and the shortest story that shows it; an unknown name lists them
Exit 0: every rule holds in every state; 1: one does not; 2: the exploration could not be run.`;

try {
  const { values } = parseArgs({ options: { mutant: { type: 'string' } } });
  const rules = values.mutant === undefined ? productionRules : findMutant(values.mutant).rules;
  const { callsMax, discardsMax, changedAgainMax } = fullBounds;
  console.log(`Bounds. Crashes between database and offset commit, and redeliveries of any message handled: any number, at any moment. Of
those that change something, ${changedAgainMax}: with the inbox there are none. Calls to the provider asked, lost and asked again: any number, ${callsMax} under
way at once. Messages discarded by an operator, which may still come: ${discardsMax}. Cancel, deadline, cancel window, either clock: at any moment.\n`);
  const isGood = [
    report('one order', modelOneOrder(rules, fullBounds)),
    report('two orders, one unit', modelLastUnit(rules)),
  ];
  process.exitCode = isGood.every(Boolean) ? 0 : 1;
} catch (error) {
  console.error(
    `The exploration could not be run: ${error instanceof Error ? error.message : String(error)}\n\n${help}`,
  );
  process.exitCode = 2;
}

function report<World, Step>(title: string, model: Model<World, Step>): boolean {
  const beganAt = performance.now();
  const { states, transitions, loops, quiet, broken } = explore(model);
  const seconds = (performance.now() - beganAt) / 1_000;
  console.log(`${title}: ${states} states, ${transitions} transitions (${loops} change nothing), ${quiet} quiet states;
  ${seconds.toFixed(1)} s, ${Math.round(states / seconds)} states/s`);
  if (broken === null) {
    console.log('  Every rule holds in every state, and a good end stays reachable from all of them.\n');
    return true;
  }
  console.log(`  "${broken.breach}" is broken. The shortest story:`);
  for (const [index, line] of broken.story.entries()) console.log(`  ${String(index + 1).padStart(3)}. ${line}`);
  return false;
}
