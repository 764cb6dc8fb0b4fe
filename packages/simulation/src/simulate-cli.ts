import { parseArgs } from 'node:util';
import { findMutant } from './mutants.ts';
import { productionRules, type Rules } from './rules.ts';
import { tellSeed, trySeed } from './simulation.ts';

const help = `npm run simulate -- [--schedules 100000] [--from <seed>]
npm run simulate -- --seed <seed>          the story of one schedule, shortened when it breaks a rule
npm run simulate -- --mutant <name>        the same with one rule bent; an unknown name lists them
Runs the services' decision code through made-up schedules of many orders: crashes, replays, lost answers, clocks that disagree. Exit 0: no rule
broke; 1: one did; 2: the simulation could not be run.`;

const seedEnd = 2 ** 31;
const progressEvery = 20_000;

try {
  const { values } = parseArgs({
    options: {
      schedules: { type: 'string', default: '100000' },
      from: { type: 'string', default: String(Math.floor(Math.random() * seedEnd)) },
      seed: { type: 'string' },
      mutant: { type: 'string' },
    },
  });
  const { mutant } = values;
  const isGood =
    values.seed === undefined
      ? tryMany(mutant, { from: whole('--from', values.from), schedules: whole('--schedules', values.schedules) })
      : tryOne(mutant, whole('--seed', values.seed));
  process.exitCode = isGood ? 0 : 1;
} catch (error) {
  console.error(
    `The simulation could not be run: ${error instanceof Error ? error.message : String(error)}\n\n${help}`,
  );
  process.exitCode = 2;
}

function tryMany(mutant: string | undefined, { from, schedules }: { from: number; schedules: number }): boolean {
  const rules = rulesOf(mutant);
  const beganAt = performance.now();
  let steps = 0;
  for (let tried = 0; tried < schedules; tried++) {
    const seed = (from + tried) % seedEnd;
    const trial = trySeed(rules, seed);
    steps += trial.steps;
    if (trial.broken !== null) return tryOne(mutant, seed);
    if ((tried + 1) % progressEvery === 0) console.log(`${tried + 1} schedules, no rule broken`);
  }
  const seconds = (performance.now() - beganAt) / 1_000;
  console.log(`${schedules} schedules from seed ${from}, ${steps} steps, ${seconds.toFixed(1)} s: no rule broken.`);
  return true;
}

function tryOne(mutant: string | undefined, seed: number): boolean {
  const rules = rulesOf(mutant);
  const { broken, steps } = trySeed(rules, seed);
  for (const [index, line] of tellSeed(rules, seed).entries()) console.log(`${String(index + 1).padStart(3)}. ${line}`);
  if (broken === null) {
    console.log(`\nSeed ${seed}, ${steps} steps: no rule broken.`);
    return true;
  }
  const again = mutant === undefined ? `--seed ${seed}` : `--mutant '${mutant}' --seed ${seed}`;
  console.log(
    `\nSeed ${seed} breaks "${broken.breach}" (${broken.about}). To see it again: npm run simulate -- ${again}`,
  );
  return false;
}

function rulesOf(mutant: string | undefined): Rules {
  return mutant === undefined ? productionRules : findMutant(mutant).rules;
}

function whole(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0 && text !== '') return number;
  throw new RangeError(`${option} must be a whole number from 0, got "${text}".`);
}
