import assert from 'node:assert/strict';
import { test } from 'node:test';
import { continueTrace, traceIdOf } from './trace-context.ts';

const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

test('a valid trace is continued', () => {
  assert.equal(continueTrace(given), given);
  assert.equal(traceIdOf(given), 'a'.repeat(32));
});

for (const header of [
  undefined,
  '',
  'x',
  [given, given],
  given.toUpperCase(),
  `ff${given.slice(2)}`,
  `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
  `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
  `${given}-x`,
]) {
  test(`a new trace begins after ${JSON.stringify(header) ?? 'no header'}`, () => {
    const begun = continueTrace(header);
    assert.match(begun, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.notEqual(begun, header);
    assert.notEqual(traceIdOf(begun), 'a'.repeat(32));
  });
}
