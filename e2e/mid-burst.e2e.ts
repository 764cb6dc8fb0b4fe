import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Moment } from '@sagamart/auditor/notebook';
import { controlPart } from '@sagamart/stack/shop';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();

// Three turns are what one customer may ask for in a second.
const ordersInTurn = 15;
const confirmDeadlineMs = 60_000;

for (const part of ['connect', 'kafka'] as const) {
  test(`a crash of ${part} in the middle of a burst, with events that are written and not yet published, loses none of them`, async () => {
    const sku = await client.createProduct({ stock: 3 * ordersInTurn });
    const { token } = await client.openSession({ email: 'ada@example.com' });
    const orderIds: string[] = [];
    const placeMany = async () => {
      const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
      const placed = await Promise.all(Array.from({ length: ordersInTurn }, () => client.placeOrder(token, order)));
      orderIds.push(...placed.map(({ orderId }) => orderId));
    };

    await placeMany();
    await client.orderWhere(token, orderIds[0] ?? '', ({ status }) => status === 'confirmed', confirmDeadlineMs);
    const meanwhile = placeMany();
    // Frozen before it is killed, so that it dies with work in hand.
    await controlPart(shop.home, part, 'pause');
    try {
      await meanwhile;
    } finally {
      await controlPart(shop.home, part, 'kill');
    }
    const killedAtMs = Date.now();
    await placeMany();

    await waitForRest(books);
    let timedOut = 0;
    for (const orderId of orderIds) {
      const { status, reason } = await client.orderWhere(token, orderId, () => true);
      // On a crowded machine the part may be away for longer than a checkout may take: that is an answer too.
      if (reason === 'timed_out') timedOut += 1;
      else assert.equal(status, 'confirmed');
    }
    assert.equal(await client.available(sku), timedOut);
    const { published, unpublished } = countAt(killedAtMs, new Set(orderIds), books.moments());
    assert.ok(
      published > 0 && unpublished > 0,
      `${published} events were published at the kill, ${unpublished} not yet`,
    );
  });
}

/** Of the events of some orders that were written before a moment: how many stood in their topics then, and how many did not. */
function countAt(
  momentMs: number,
  orderIds: ReadonlySet<string>,
  moments: Iterable<Moment>,
): { published: number; unpublished: number } {
  const written = [...moments].filter(({ key, writtenAtMs }) => orderIds.has(key) && writtenAtMs < momentMs);
  const published = written.filter(({ timestampMs }) => timestampMs !== null && timestampMs < momentMs).length;
  return { published, unpublished: written.length - published };
}
