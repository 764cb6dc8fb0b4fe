import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { test } from 'node:test';
import { placeAmidPoison } from '../poisoned-orders.ts';
import { enterShop } from '../shop-under-test.ts';

const entered = await enterShop();

const atRestSeconds = 15;

test(`500 orders with four messages amid them that cannot be handled are at rest within ${atRestSeconds} s`, async (t) => {
  const seconds = await placeAmidPoison(entered, { orders: 500, deadlineMs: 120_000 });
  t.diagnostic(`at rest ${seconds.toFixed(1)} s after the last was placed; load average ${loadavg()[0]?.toFixed(1)}`);
  assert.ok(seconds <= atRestSeconds, `it took ${seconds.toFixed(1)} s`);
});
