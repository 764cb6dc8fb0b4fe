import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePairs, readWrittenPairs } from './unreachable-pairs.ts';

const tables = `
| payment hears ↓, is → | waiting for both | voided |
|---|---|---|
| \`order.placed\` | waiting | voided |
| \`order.cancelled\` | voided, \`payment.voided\` | unreachable |
`;

test('a cell of the tables is called unreachable, changes something, or answers a repetition', () => {
  const { unreachable, changing } = readWrittenPairs(tables);
  assert.deepEqual([...unreachable], ['payment voided order.cancelled']);
  assert.deepEqual([...changing], ['payment waiting for both order.cancelled']);
});

test('a pair that is met but called unreachable, and one that is neither met nor called so, are differences', () => {
  const written = new Set(['a', 'b']);
  const every = new Set(['a', 'b', 'c', 'd']);
  assert.deepEqual(comparePairs(written, { every, met: new Set(['a', 'c']) }), { met: ['a'], unwritten: ['d'] });
});
