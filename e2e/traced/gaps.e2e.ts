import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { controlPart } from '@sagamart/stack/shop';
import type { ReadSpan } from '@sagamart/test-kit/trace-reader';
import { enterShop } from '../shop-under-test.ts';
import { traceIdOfAnswer, traceWhere } from './spans.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

const heldMs = 2_000;
// Clocks of one machine, but a row is written a little before its transaction commits, and the broker's clock counts whole milliseconds.
const clockMs = 2;

async function placeAndWait(sku: string, release: () => Promise<void>) {
  try {
    const answer = await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
    await pause(heldMs);
    return answer;
  } finally {
    await release();
  }
}

/** Places an order while a part is held up for two seconds, and gives the way of order.placed to inventory. */
async function wayWhile(hold: () => Promise<void>, release: () => Promise<void>) {
  const sku = await client.createProduct({ stock: 1 });
  await hold();
  const answer = await placeAndWait(sku, release);
  const named = (spans: readonly ReadSpan[], name: string) =>
    spans.find((span) => span.service === 'inventory' && span.name === name);
  const spans = await traceWhere(
    traceIdOfAnswer(answer),
    (found) => named(found, 'process order.placed') !== undefined,
  );
  const [inOutbox, inTopic, handled] = ['order.placed in outbox', 'order.placed in topic', 'process order.placed'].map(
    (name) => named(spans, name),
  );
  const written = spans.find(({ service, name }) => service === 'order' && name === 'transaction');
  assert.ok(inOutbox !== undefined && inTopic !== undefined && handled !== undefined && written !== undefined);
  assert.equal(inOutbox.endMs, inTopic.startMs);
  assert.ok(inOutbox.startMs >= written.startMs - clockMs && inOutbox.startMs <= written.endMs + clockMs);
  assert.ok(Math.abs(inTopic.endMs - handled.startMs) <= clockMs);
  return { inOutboxMs: inOutbox.endMs - inOutbox.startMs, inTopicMs: inTopic.endMs - inTopic.startMs };
}

test('an event that Debezium does not take shows the time it lay in the outbox', async () => {
  const { inOutboxMs, inTopicMs } = await wayWhile(
    () => controlPart(shop.home, 'connect', 'pause'),
    () => controlPart(shop.home, 'connect', 'resume'),
  );
  assert.ok(inOutboxMs >= heldMs && inTopicMs < heldMs, `${inOutboxMs} ms in outbox, ${inTopicMs} ms in topic`);
});

test('an event that its hearer does not take shows the time it lay in its topic', async () => {
  const { inOutboxMs, inTopicMs } = await wayWhile(
    () => controlPart(shop.home, 'inventory', 'pause'),
    () => controlPart(shop.home, 'inventory', 'resume'),
  );
  // The way through the outbox may end after the answer, from which on inventory is held.
  assert.ok(
    inTopicMs >= heldMs - inOutboxMs && inOutboxMs < heldMs,
    `${inOutboxMs} ms in outbox, ${inTopicMs} ms in topic`,
  );
});
