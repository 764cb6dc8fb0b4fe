import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Saboteur } from '@sagamart/saboteurs/saboteur';
import { openRandom } from '../long/seeded-random.ts';
import { brokenBy, runSaboteur } from './workload.ts';

/** A test that a saboteur breaks exactly what is predicted, on a shop of its own. */
export function testSaboteur(saboteur: Saboteur): void {
  const { name, breaks } = saboteur;
  test(`${name} breaks ${breaks.join(', ')}, and nothing else`, async (t) => {
    const random = openRandom();
    t.diagnostic(`seed ${random.seed}`);
    const findings = await runSaboteur(saboteur, random);
    assert.deepEqual(brokenBy(findings), breaks.toSorted(), JSON.stringify(findings, undefined, 2));
  });
}
