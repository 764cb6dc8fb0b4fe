import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceUrl } from '@sagamart/stack/addresses';
import { ourParts } from '@sagamart/stack/part';
import { readSettings } from '@sagamart/stack/settings';

const seriesMax = 5_000;

// Runs nearly last, so that there is something to count.
test('all that was done to the shop has not made its metrics too many to be kept', async (t) => {
  const settings = readSettings();
  const series = await Promise.all(
    ourParts.map(async (name) => {
      const metrics = await (await fetch(`${serviceUrl(settings, name)}/metrics`)).text();
      return { name, count: metrics.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length };
    }),
  );
  t.diagnostic(series.map(({ name, count }) => `${name} ${count}`).join(', '));
  for (const { name, count } of series) assert.ok(count > 50, `${name} tells only ${count} series`);
  assert.ok(series.reduce((sum, { count }) => sum + count, 0) < seriesMax);
});
