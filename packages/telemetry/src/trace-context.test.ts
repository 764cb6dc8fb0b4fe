import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginTrace, isSampled, isTraceparent, traceIdOf } from './trace-context.ts';

const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

test('a traceparent names its trace', () => {
  assert.ok(isTraceparent(given));
  assert.equal(traceIdOf(given), 'a'.repeat(32));
});

for (const text of [
  undefined,
  null,
  '',
  'x',
  [given, given],
  `${given}, ${given}`,
  given.toUpperCase(),
  `ff${given.slice(2)}`,
  `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
  `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
  `${given}-x`,
  `${given}\n`,
])
  test(`${JSON.stringify(text) ?? 'nothing'} is no traceparent`, () => assert.equal(isTraceparent(text), false));

test('a trace that nobody records says so, and each has an id of its own', () => {
  const [one, other] = [beginTrace(), beginTrace()];
  assert.ok(isTraceparent(one));
  assert.match(one, /-00$/);
  assert.notEqual(traceIdOf(one), traceIdOf(other));
});

test('a trace is recorded when its flag says so, whatever the other flags say', () => {
  const withFlags = (flags: string): string => given.slice(0, -2) + flags;
  for (const flags of ['01', '03', 'ff']) assert.ok(isSampled(withFlags(flags)), flags);
  for (const flags of ['00', '02', 'fe']) assert.ok(!isSampled(withFlags(flags)), flags);
  for (const nothing of [null, undefined, 'x']) assert.ok(!isSampled(nothing));
});
