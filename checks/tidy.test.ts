import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listFiles, parseModule, readModules } from './source-tree.ts';
import {
  commentsSayWhy,
  filesAreNouns,
  filesAreShort,
  packageFunctionsAreDocumented,
  testsNameTheirCost,
  testTitlesAreRules,
} from './tidy.ts';

const modules = readModules();
const files = listFiles(['packages', 'services', 'e2e', 'scripts', 'checks', 'infra']);

test('a file is named after the noun it is about', () => {
  assert.equal(filesAreNouns(['services/order/src/utils.ts', 'packages/stack/src/shopParts.ts']).length, 2);
  assert.deepEqual(filesAreNouns(files), []);
});

test('the name of a test says what it costs', () => {
  assert.equal(
    testsNameTheirCost(['services/order/src/order.spec.ts', 'services/order/src/order.slow.test.ts']).length,
    2,
  );
  assert.deepEqual(testsNameTheirCost(files), []);
});

test('a file is read in one sitting', () => {
  assert.equal(filesAreShort([parseModule('services/order/src/order.ts', '\n'.repeat(321))]).length, 1);
  assert.deepEqual(filesAreShort(modules), []);
});

test('the title of a test is a rule', () => {
  assert.equal(
    testTitlesAreRules([parseModule('a.test.ts', `test('an order should be placed', () => {});`)]).length,
    1,
  );
  assert.deepEqual(testTitlesAreRules(modules), []);
});

test('a function that a package offers says what is true afterwards', () => {
  assert.equal(
    packageFunctionsAreDocumented([parseModule('packages/contracts/src/ids.ts', 'export function newId() {}')]).length,
    1,
  );
  assert.deepEqual(packageFunctionsAreDocumented(modules), []);
});

test('a comment says why, and decorates nothing', () => {
  assert.equal(
    commentsSayWhy([parseModule('a.ts', '// ------- routes -------'), parseModule('b.ts', '// done \u{1F389}')]).length,
    2,
  );
  assert.deepEqual(commentsSayWhy(modules), []);
});
