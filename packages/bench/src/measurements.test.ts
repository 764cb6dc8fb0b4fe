import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentiles } from './measurements.ts';

test('percentiles are exact by nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(percentiles(values), { p50: 50, p95: 95, p99: 99, max: 100 });
  assert.deepEqual(percentiles([7]), { p50: 7, p95: 7, p99: 7, max: 7 });
});

test('percentiles of nothing are no number', () => {
  assert.ok(Number.isNaN(percentiles([]).p50));
});
