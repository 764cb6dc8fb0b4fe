import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { test } from 'node:test';
import { startLoad, type Load } from '@sagamart/bench/load';
import { percentiles } from '@sagamart/bench/measurements';
import type { PartName } from '@sagamart/stack/part';
import { enterShop } from '../shop-under-test.ts';
import { killAndMeasure } from './recovery.ts';
import { openRandom } from './seeded-random.ts';

const { client, shop, books } = await enterShop();
const random = openRandom();

const kills = 10;
const steady = { kind: 'steady', ratePerSecond: 20, seconds: 1_200 } as const;

const crashes: { what: string; parts: PartName[]; boundSeconds: number }[] = [
  {
    what: 'a service',
    parts: ['gateway', 'order', 'inventory', 'payment', 'notification'],
    boundSeconds: 15,
  },
  {
    what: 'a PostgreSQL server',
    parts: ['order-db', 'inventory-db', 'payment-db', 'notification-db'],
    boundSeconds: 15,
  },
  { what: 'Kafka Connect', parts: ['connect'], boundSeconds: 20 },
  { what: 'the broker', parts: ['kafka'], boundSeconds: 20 },
];

for (const { what, parts, boundSeconds } of crashes) {
  const figures: { part: PartName; seconds: number }[] = [];

  test(`${what} killed ${kills} times while orders come in loses none of them and does nothing twice`, async (t) => {
    const { load, over, stop } = await startLoad(shop, steady);
    try {
      const victims = random.shuffled(
        Array.from({ length: kills }, (_, index) => parts[index % parts.length] ?? 'order'),
      );
      for (const part of victims) figures.push({ part, seconds: await killAndMeasure({ shop, books, load }, part) });
    } finally {
      stop();
      client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
      t.diagnostic(worded(figures, load));
    }
  });

  // A test of its own: one that has failed no longer tells whether the books balance.
  test(`${what} that was killed is back and caught up within ${boundSeconds} s, each time`, () => {
    assert.equal(figures.length, kills);
    assert.deepEqual(
      figures.filter(({ seconds }) => seconds > boundSeconds),
      [],
    );
  });
}

function worded(figures: readonly { part: PartName; seconds: number }[], { accepted, refusals }: Load): string {
  const all = figures.map(({ seconds }) => seconds);
  const { p50, max } = percentiles(all);
  const [least, median, most] = [Math.min(...all), p50, max].map((seconds) => seconds.toFixed(1));
  const each = figures.map(({ part, seconds }) => `${part} ${seconds.toFixed(1)}`).join(', ');
  const refused = [...refusals.values()].reduce((sum, count) => sum + count, 0);
  return [
    `${figures.length} kills: back and caught up after ${least} / ${median} / ${most} s (min / median / max: ${each})`,
    `${accepted.length} orders accepted, ${refused} refused`,
    `load average ${loadavg()[0]?.toFixed(1)}, seed ${random.seed}`,
  ].join('; ');
}
