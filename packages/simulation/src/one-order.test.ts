import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { explore, type Exploration } from './exploration.ts';
import { mutants } from './mutants.ts';
import { discardBounds, modelOneOrder, testBounds } from './order-exploration.ts';
import type { Bounds } from './order-steps.ts';
import { productionRules } from './rules.ts';
import { checkoutTables, comparePairs, pairOf, readWrittenPairs, type Pair } from './unreachable-pairs.ts';

test('one order keeps every rule in every state that it can reach, and can always end well', (t) => {
  const explored = explore(modelOneOrder(productionRules, testBounds));
  tell(t, explored);
  assert.equal(explored.broken, null);
  // An exploration that went nowhere is green as well.
  assert.ok(explored.states > 100_000, `expected more than 100,000 states, found ${explored.states}`);
});

test('a discarded message leaves an order that balances, also when it comes again; nothing is met that is called unreachable', (t) => {
  const met = new Set<Pair>();
  const meet = (service: string, state: string, event: string) => void met.add(pairOf(service, state, event));
  const explored = explore(modelOneOrder(productionRules, discardBounds, meet));
  tell(t, explored);
  assert.equal(explored.broken, null);

  const { unreachable, changing } = readWrittenPairs(readFileSync(checkoutTables, 'utf8'));
  const every = new Set([...unreachable, ...changing]);
  assert.deepEqual(comparePairs(unreachable, { every, met }), { met: [], unwritten: [] });
});

for (const { name, rules, breaks, seenWith } of mutants.filter((each) => each.seenWith !== 'two orders')) {
  test(`exploration finds the mutant: ${name}`, () => {
    const bounds: Bounds = seenWith === 'a discarded message' ? discardBounds : testBounds;
    const { broken } = explore(modelOneOrder(rules, bounds));
    assert.equal(broken?.breach, breaks, broken?.story.join('\n'));
  });
}

function tell(t: TestContext, { states, transitions, loops, quiet }: Exploration): void {
  t.diagnostic(`${states} states, ${transitions} transitions, ${loops} of them change nothing, ${quiet} quiet states`);
}
