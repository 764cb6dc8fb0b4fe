import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { watchBooks } from '@sagamart/auditor/watch';
import { startLoad } from '@sagamart/bench/load';
import { Kafka, logLevel } from 'kafkajs';
import { enterShop } from '../shop-under-test.ts';
import { openRandom } from './seeded-random.ts';
import { surprises } from './surprises.ts';

const entered = await enterShop();
const { client, shop, books } = entered;
const { token } = await client.openSession();
const operator = await client.operatorToken();
const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });

const ratePerSecond = 10;
const seconds = Number(process.env.STORM_SECONDS ?? '600');
const everyMs = 10_000;
const atRestWithinMs = 15_000;

test(`${seconds} s of the unexpected under load cost no order, and what has to be set aside is listed`, async (t) => {
  const random = openRandom(process.env.SEED ?? '1');
  const { over, stop } = await startLoad(shop, { kind: 'steady', ratePerSecond, seconds });
  const watch = watchBooks(books);
  const endsAtMs = Date.now() + seconds * 1_000;
  const met = new Map<string, number>();
  let setAside = 0;
  let looks = 0;
  let lastAtMs = NaN;
  try {
    // Each kind before any comes again.
    for (let names: string[] = []; Date.now() < endsAtMs;) {
      if (names.length === 0) names = random.shuffled(Object.keys(surprises));
      const name = names.shift() ?? '';
      const nextAtMs = Date.now() + everyMs;
      setAside += (await surprises[name]?.({ ...entered, kafka, random, token })) ?? 0;
      met.set(name, (met.get(name) ?? 0) + 1);
      lastAtMs = Date.now();
      await pause(Math.max(0, nextAtMs - Date.now()));
    }
  } finally {
    stop();
    client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
    ({ looks } = await watch.stop());
  }
  const discarded = await discardAll();
  const settledFromMs = Date.now();
  const { findings, suspected, inFlight, unread } = await books.settle({
    deadlineMs: atRestWithinMs,
    accepted: client.accepted,
  });
  const { accepted, refusals } = await over;
  t.diagnostic(
    [
      `the books were settled ${((Date.now() - settledFromMs) / 1_000).toFixed(1)} s after the load, ${((Date.now() - lastAtMs) / 1_000).toFixed(1)} s after the last surprise`,
      `${looks} looks meanwhile, seed ${random.seed}`,
      `${accepted.length} orders accepted, ${[...refusals.values()].reduce((sum, count) => sum + count, 0)} refused`,
      `${discarded} messages set aside`,
      [...met].map(([name, times]) => `${times} × ${name}`).join(', '),
    ].join('; '),
  );
  assert.deepEqual(
    { findings, suspected, inFlight, unread, discarded },
    { findings: [], suspected: [], inFlight: [], unread: [], discarded: setAside },
  );
});

/** Discards what is parked, which is only what the storm wrote; resolves with how much that was. */
async function discardAll(): Promise<number> {
  for (let discarded = 0; ;) {
    const { body } = await client.call('GET', '/v1/parked-messages?limit=100', { token: operator });
    const { items } = body as { items: { id: string }[] };
    if (items.length === 0) return discarded;
    for (const { id } of items.toReversed()) {
      const options = { token: operator, body: { reason: 'a storm wrote it' } };
      const { status, text } = await client.call('POST', `/v1/parked-messages/${id}/discard`, options);
      assert.equal(status, 200, text);
      discarded += 1;
    }
  }
}
