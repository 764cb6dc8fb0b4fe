import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { watchBooks } from '@sagamart/auditor/watch';
import { startLoad } from '@sagamart/bench/load';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import { enterShop } from '../shop-under-test.ts';
import { openRandom } from './seeded-random.ts';
import { surprises, type World } from './surprises.ts';

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
  const since = new Date();
  const { over, stop } = await startLoad(shop, { kind: 'steady', ratePerSecond, seconds });
  const watch = watchBooks(books);
  const endsAtMs = Date.now() + seconds * 1_000;
  const met = new Map<string, number>();
  const setAside: string[] = [];
  let looks = 0;
  let lastAtMs = NaN;
  try {
    // Each kind before any comes again.
    for (let names: string[] = []; Date.now() < endsAtMs;) {
      if (names.length === 0) names = random.shuffled(Object.keys(surprises));
      const name = names.shift() ?? '';
      const nextAtMs = Date.now() + everyMs;
      setAside.push(...(await happen(name, { ...entered, kafka, random, token, since })));
      met.set(name, (met.get(name) ?? 0) + 1);
      lastAtMs = Date.now();
      await pause(Math.max(0, nextAtMs - Date.now()));
    }
  } finally {
    stop();
    client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
    ({ looks } = await watch.stop());
  }
  const settledFromMs = Date.now();
  // The first of its key comes first.
  await discard((await untilListed(setAside)).toReversed());
  const { findings, suspected, inFlight, unread } = await books.settle({
    deadlineMs: atRestWithinMs,
    accepted: client.accepted,
  });
  const { accepted, refusals } = await over;
  const statuses = new Map((await books.read()).orders.map(({ orderId, status }) => [orderId, status]));
  const confirmed = accepted.filter(({ orderId }) => statuses.get(orderId) === 'confirmed').length;
  t.diagnostic(
    [
      `the books were settled ${((Date.now() - settledFromMs) / 1_000).toFixed(1)} s after the load, ${((Date.now() - lastAtMs) / 1_000).toFixed(1)} s after the last surprise`,
      `${looks} looks meanwhile, seed ${random.seed}`,
      `${accepted.length} orders accepted, ${confirmed} of them confirmed, ${[...refusals.values()].reduce((sum, count) => sum + count, 0)} refused`,
      `${setAside.length} messages set aside`,
      [...met].map(([name, times]) => `${times} × ${name}`).join(', '),
    ].join('; '),
  );
  const nothing = { findings: [], suspected: [], inFlight: [], unread: [] };
  assert.deepEqual({ findings, suspected, inFlight, unread }, nothing);
});

/** Resolves with the keys of what has to be set aside; rejects with the name of what went wrong. */
async function happen(name: string, world: World): Promise<readonly string[]> {
  try {
    return (await surprises[name]?.(world)) ?? [];
  } catch (error) {
    throw new Error(`This did not end well: ${name} (seed ${world.random.seed})`, { cause: error });
  }
}

type Parked = { id: string; key: string; type: string; service: string; reason: string; error: string };

/** Waits until what is parked is what the storm wrote and nothing else, and gives it back, newest first. */
async function untilListed(keys: readonly string[]): Promise<readonly Parked[]> {
  let listed: readonly Parked[] = [];
  const isAll = async () => {
    listed = await listParked();
    return JSON.stringify(listed.map(({ key }) => key).toSorted()) === JSON.stringify(keys.toSorted());
  };
  await waitUntil('what has to be set aside to be listed', isAll, atRestWithinMs).catch((error: unknown) => {
    const foreign = listed.filter(({ key }) => !keys.includes(key));
    throw new Error(`${listed.length} are listed for ${keys.length}; of others: ${JSON.stringify(foreign)}`, {
      cause: error,
    });
  });
  return listed;
}

async function listParked(): Promise<Parked[]> {
  const found: Parked[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body } = await client.call('GET', `/v1/parked-messages?limit=100${page}`, { token: operator });
    const { items, nextCursor } = body as { items: Parked[]; nextCursor: string | null };
    found.push(...items);
    cursor = nextCursor;
  }
  return found;
}

async function discard(messages: readonly Parked[]): Promise<void> {
  for (const { id } of messages) {
    const options = { token: operator, body: { reason: 'a storm wrote it' } };
    const { status, text } = await client.call('POST', `/v1/parked-messages/${id}/discard`, options);
    assert.equal(status, 200, text);
  }
}
