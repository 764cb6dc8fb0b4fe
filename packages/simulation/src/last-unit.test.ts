import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from './exploration.ts';
import { modelLastUnit } from './last-unit.ts';
import { findMutant } from './mutants.ts';
import { productionRules } from './rules.ts';

test('of two orders that want the last unit one gets it, in every order of events, and nothing is sold twice', (t) => {
  const { states, transitions, quiet, broken } = explore(modelLastUnit(productionRules));
  t.diagnostic(`${states} states, ${transitions} transitions, ${quiet} quiet states`);
  assert.equal(broken, null);
  assert.ok(states > 500, `expected more than 500 states, found ${states}`);
});

for (const [name, breaks] of [
  ['hold without looking', 'stock adds up'],
  ['release twice', 'stock adds up'],
  ['forget the release', 'rest: stock'],
  ['dedupe by order id', 'rest: stock'],
  ['nothing is ever there', 'somebody gets the last unit'],
] as const) {
  test(`two orders show the mutant: ${name}`, () => {
    const { broken } = explore(modelLastUnit(findMutant(name).rules));
    assert.equal(broken?.breach, breaks, broken?.story.join('\n'));
  });
}

test('with a hold that forgets to look, the story tells of both orders', () => {
  const { broken } = explore(modelLastUnit(findMutant('hold without looking').rules));
  assert.equal(broken?.story.filter((line) => line.includes('unseen → held')).length, 2);
});
