import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMutant, mutants } from './mutants.ts';
import { productionRules } from './rules.ts';
import { tellSeed, trySeed } from './simulation.ts';

const schedules = 100_000;
const schedulesOfTest = 20_000;
const seeds = Array.from({ length: 2_000 }, (_, index) => index + 1);

for (let from = 0; from < schedules; from += schedulesOfTest) {
  test(`schedules ${from + 1} to ${from + schedulesOfTest} of many orders break no rule`, (t) => {
    let steps = 0;
    for (let seed = from + 1; seed <= from + schedulesOfTest; seed++) {
      const trial = trySeed(productionRules, seed);
      if (trial.broken !== null) assert.fail(storyOf(seed, trial.broken.breach));
      steps += trial.steps;
    }
    // Schedules in which nothing happens break no rule either.
    assert.ok(steps > 50 * schedulesOfTest, `expected more than 50 steps a schedule, found ${steps / schedulesOfTest}`);
    t.diagnostic(`${schedulesOfTest} schedules, ${steps} steps`);
  });
}

test('a seed always tells the same story', () => {
  assert.deepEqual(tellSeed(productionRules, 5), tellSeed(productionRules, 5));
});

test('a story that breaks a rule is shortened to what it takes, and still breaks it', () => {
  const { rules, breaks } = findMutant('void by guess');
  const isLong = ({ broken, steps }: ReturnType<typeof trySeed>) => broken?.breach === breaks && steps > 60;
  const seed = seeds.find((each) => isLong(trySeed(rules, each))) ?? 0;
  const story = tellSeed(rules, seed);
  assert.ok(story.length < trySeed(rules, seed).steps / 2, story.join('\n'));
  assert.equal(story.filter((line) => line.includes('is accepted')).length, 1);
  assert.ok(story.some((line) => line.includes('payment capturing → payment voided')));
});

for (const { name, rules, breaks } of mutants.filter(({ seenWith }) => seenWith !== 'two orders')) {
  test(`simulation finds the mutant: ${name}`, () => {
    const found = seeds.find((seed) => trySeed(rules, seed).broken?.breach === breaks);
    assert.notEqual(found, undefined, `none of ${seeds.length} seeds breaks "${breaks}"`);
  });
}

function storyOf(seed: number, breach: string): string {
  const story = tellSeed(productionRules, seed).join('\n');
  return `${breach}. To see it again: npm run simulate -- --seed ${seed}\n${story}`;
}
