import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { test } from 'node:test';
import { startLoad } from '@sagamart/bench/load';
import { percentiles } from '@sagamart/bench/measurements';
import type { PartName } from '@sagamart/stack/part';
import { enterShop } from '../shop-under-test.ts';
import { killAndMeasure } from './recovery.ts';
import { openRandom } from './seeded-random.ts';

const { client, shop, books } = await enterShop();
const random = openRandom();

const kills = 10;
const steady = { kind: 'steady', ratePerSecond: 20, seconds: 1_800 } as const;

type Kind = { what: string; parts: readonly [PartName, ...PartName[]]; boundSeconds: number };

const kinds: readonly Kind[] = [
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

type Figure = { readonly part: PartName; readonly seconds: number };
const figures = new Map<Kind, Figure[]>(kinds.map((kind) => [kind, []]));

// In turn: no kill waits until the part that was killed last has been up for long.
test(`${kinds.length * kills} kills while orders come in, ${kills} of each kind of part, lose no order and do nothing twice`, async (t) => {
  const { load, over, stop } = await startLoad(shop, steady);
  const victims = new Map(kinds.map((kind) => [kind, random.shuffled(repeated(kind.parts))]));
  try {
    for (let round = 0; round < kills; round += 1) {
      for (const kind of kinds) {
        const part = victims.get(kind)?.[round] ?? kind.parts[0];
        figures.get(kind)?.push({ part, seconds: await killAndMeasure({ shop, books, load }, part) });
      }
    }
  } finally {
    stop();
    client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
    const refused = [...load.refusals.values()].reduce((sum, count) => sum + count, 0);
    t.diagnostic(
      `${load.accepted.length} orders accepted, ${refused} refused; load average ${loadavg()[0]?.toFixed(1)}, seed ${random.seed}`,
    );
  }
});

for (const kind of kinds) {
  test(`${kind.what} that was killed is back and caught up within ${kind.boundSeconds} s, each time`, (t) => {
    const measured = figures.get(kind) ?? [];
    t.diagnostic(worded(measured));
    assert.equal(measured.length, kills);
    assert.deepEqual(
      measured.filter(({ seconds }) => seconds > kind.boundSeconds),
      [],
    );
  });
}

function repeated(parts: Kind['parts']): PartName[] {
  return Array.from({ length: kills }, (_, index) => parts[index % parts.length] ?? parts[0]);
}

function worded(measured: readonly Figure[]): string {
  const all = measured.map(({ seconds }) => seconds);
  const { p50, max } = percentiles(all);
  const [least, median, most] = [Math.min(...all), p50, max].map((seconds) => seconds.toFixed(1));
  const each = measured.map(({ part, seconds }) => `${part} ${seconds.toFixed(1)}`).join(', ');
  return `${all.length} kills: back and caught up after ${least} / ${median} / ${most} s (min / median / max: ${each})`;
}
