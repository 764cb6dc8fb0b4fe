import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulesKept } from './invariants.ts';
import { findMutant, mutants } from './mutants.ts';

test('for every rule that is checked there is a mutant that breaks it', () => {
  const broken = new Set<string>(mutants.map(({ breaks }) => breaks));
  assert.deepEqual(
    rulesKept.filter((rule) => !broken.has(rule)),
    [],
  );
});

test('an unknown mutant is answered with the names there are', () => {
  assert.throws(() => findMutant('no such rule'), /expected one of the mutants:\n {2}forget the refund/);
});
