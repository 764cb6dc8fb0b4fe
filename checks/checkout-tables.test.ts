import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answerTables, unreachable, withCheckoutTables } from './checkout-tables.ts';
import { unreachablePairs } from './unreachable-pairs.ts';

test('docs/checkout.md shows what the code decides: npm run docs writes it anew', () => {
  const document = readFileSync(join(import.meta.dirname, '../docs/checkout.md'), 'utf8');
  assert.equal(document, withCheckoutTables(document));
});

test('what the code answers as unreachable is named with its reason, and what is named is answered so', () => {
  const answered = answerTables().flatMap(({ of, states, rows }) =>
    rows.flatMap(({ hears, answers }) =>
      states.filter((_state, column) => answers[column] === unreachable).map((is) => `${of} ${is} ${hears}`),
    ),
  );
  const named = unreachablePairs.flatMap(({ of, is, hears }) => hears.map((type) => `${of} ${is} ${type}`));
  assert.deepEqual(named.toSorted(), answered.toSorted());
});
