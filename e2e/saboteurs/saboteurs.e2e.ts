import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { saboteurs } from '@sagamart/saboteurs/saboteurs';
import { openRandom } from '../long/seeded-random.ts';
import { testSaboteur } from './saboteur-test.ts';
import { runControl } from './workload.ts';

// A shop waits about half of its time: two at once.
describe('no promise is broken in a whole shop, and each without its protection', { concurrency: 2 }, () => {
  test('in a whole shop the scenes of all saboteurs break nothing', async (t) => {
    const random = openRandom();
    t.diagnostic(`seed ${random.seed}`);
    assert.deepEqual(await runControl(random), []);
  });

  for (const saboteur of saboteurs) testSaboteur(saboteur);
});
