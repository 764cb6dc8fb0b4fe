import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { explore, type Exploration, type Model } from './exploration.ts';
import { modelLastUnit } from './last-unit.ts';
import { findMutant } from './mutants.ts';
import { fullBounds, modelOneOrder } from './order-exploration.ts';
import type { Bounds } from './order-steps.ts';
import { productionRules, type Rules } from './rules.ts';
import { checkoutTables, comparePairs, pairOf, readWrittenPairs, type Pair } from './unreachable-pairs.ts';

const help = `npm run explore                         every state of one order, and of two orders that want the last unit
npm run explore -- --mutant <name>      the same with one rule bent, and the shortest story that shows it; an unknown name lists them
Exit 0: every rule holds in every state; 1: one does not; 2: the exploration could not be run.`;

const unbounded = `At any moment and any number of times: a crash between the database and the offset commit, any message that was handled coming again,
a call lost on its way there or back, and asked again. At any moment: the customer cancels, the deadline passes on either clock, the sweeper looks.
`;

try {
  const { values } = parseArgs({ options: { mutant: { type: 'string' } } });
  console.log(unbounded);
  const rules = values.mutant === undefined ? productionRules : findMutant(values.mutant).rules;
  process.exitCode = exploreAll(rules) ? 0 : 1;
} catch (error) {
  console.error(
    `The exploration could not be run: ${error instanceof Error ? error.message : String(error)}\n\n${help}`,
  );
  process.exitCode = 2;
}

/** Ends at the first rule that is broken. */
function exploreAll(rules: Rules): boolean {
  const met = new Set<Pair>();
  const meet = (service: string, state: string, event: string) => void met.add(pairOf(service, state, event));
  return (
    report('Two orders that want the last unit', () => modelLastUnit(rules)) &&
    fullBounds.every((bounds) => report(worded(bounds), () => modelOneOrder(rules, bounds, meet))) &&
    reportPairs(met)
  );
}

function worded({ callsMax, discardsMax, refundsByHandMax, beginnings }: Bounds): string {
  const limits = `calls under way at once: ${callsMax}; messages discarded that may still come: ${discardsMax}; refunds by hand: ${refundsByHandMax}`;
  return `One order, ${beginnings.length} beginnings; ${limits}`;
}

function report<World, Step>(title: string, model: () => Model<World, Step>): boolean {
  const beganAt = performance.now();
  const explored = explore(model());
  const seconds = (performance.now() - beganAt) / 1_000;
  console.log(`${title}\n  ${figuresOf(explored)}; ${seconds.toFixed(1)} s`);
  const { broken } = explored;
  if (broken === null) {
    console.log('  Every rule holds in every state, and a good end stays reachable from each.\n');
    return true;
  }
  console.log(`  "${broken.breach}" is broken. The shortest story:`);
  for (const [index, line] of broken.story.entries()) console.log(`  ${String(index).padStart(3)}. ${line}`);
  return false;
}

function figuresOf({ states, transitions, loops, quiet }: Exploration): string {
  return `${states} states, ${transitions} transitions (${loops} change nothing), ${quiet} quiet states`;
}

function reportPairs(met: ReadonlySet<Pair>): boolean {
  const { unreachable, changing } = readWrittenPairs(readFileSync(checkoutTables, 'utf8'));
  const differences = comparePairs(unreachable, { every: new Set([...unreachable, ...changing]), met });
  for (const pair of differences.met) console.log(`docs/checkout.md calls it unreachable, yet it was met: ${pair}`);
  for (const pair of differences.unwritten) console.log(`never met, yet docs/checkout.md has an answer: ${pair}`);
  const isSame = differences.met.length + differences.unwritten.length === 0;
  if (isSame) console.log(`None of the ${unreachable.size} pairs that docs/checkout.md calls unreachable was met.`);
  return isSame;
}
