import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { test } from 'node:test';
import { startLoad } from '@sagamart/bench/load';
import { enterShop } from '../shop-under-test.ts';
import { pauseAndMeasure } from './recovery.ts';

const { client, shop, books } = await enterShop();

const pausedMs = 40_000;
const rightAgainSeconds = 15;
const steady = { kind: 'steady', ratePerSecond: 20, seconds: 300 } as const;

// The gateway last: what has waited for it comes all at once, and a shop that has just been opened is still compiling.
for (const part of ['order', 'inventory', 'payment', 'notification', 'gateway'] as const) {
  test(`${part}, paused for ${pausedMs / 1_000} s while orders come in, is right again ${rightAgainSeconds} s after it was resumed`, async (t) => {
    const { load, over, stop } = await startLoad(shop, steady);
    let seconds = NaN;
    try {
      seconds = await pauseAndMeasure({ shop, books, load }, part, pausedMs);
    } finally {
      stop();
      client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
    }
    t.diagnostic(
      `right again after ${seconds.toFixed(1)} s, ${load.accepted.length} orders accepted; load average ${loadavg()[0]?.toFixed(1)}`,
    );
    assert.ok(seconds <= rightAgainSeconds, `it took ${seconds.toFixed(1)} s`);
  });
}
