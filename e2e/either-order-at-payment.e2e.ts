import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventType } from '@sagamart/contracts/events';
import { controlPart } from '@sagamart/stack/shop';
import { openArrivals, type Exception } from './arrivals.ts';
import { withAllStarted, withHeldBack } from './held-back.ts';
import { withTrouble } from './provider-controls.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });
const topics = ['order.events', 'inventory.events'] as const;
const arrivals = openArrivals(shop, books, { name: 'payment', topics });

/** What does not come to payment in either order, and why. All other pairs are made to come in both by the tests below. */
const exceptions: readonly Exception[] = [
  {
    first: 'order.placed',
    second: 'stock.committed',
    because:
      'stock is committed when the order is confirmed, by a capture, which payment asks for when it knows the terms',
  },
  {
    first: 'stock.reserved',
    second: 'order.confirmed',
    because: 'an order is confirmed by a capture, which payment asks for when it knows that the stock is held',
  },
  {
    first: 'stock.rejected',
    second: 'order.confirmed',
    never: true,
    because: 'nothing is captured for an order that is out of stock, so it is not confirmed',
  },
];

for (const held of topics) {
  test(`payment hears ${held} after all else, and the money ends where it belongs`, async () => {
    const sku = await client.createProduct({ stock: 3 });
    await withAllStarted(shop, async () => {
      // Its capture is what payment still does itself. What follows from that happens while payment is not there.
      const returned = await withTrouble(shop, { down: true }, async () => {
        const orderId = await place(sku);
        await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'capturing');
        await controlPart(shop.home, 'order', 'stop');
        return orderId;
      });
      await arrivals.waitForPublished(returned, ['payment.captured']);
      await controlPart(shop.home, 'payment', 'stop');
      await controlPart(shop.home, 'order', 'start');
      await client.orderWhere(token, returned, ({ stock }) => stock.status === 'committed');
      const undone = await place(sku);
      await client.orderWhere(token, undone, ({ stock }) => stock.status === 'held');
      for (const orderId of [returned, undone]) assert.equal((await client.cancelOrder(token, orderId)).status, 202);
      const refused = await place(sku, 9);
      const kept = await place(sku);

      const said: Record<(typeof topics)[number], [string, EventType[]][]> = {
        'order.events': [
          [returned, ['order.confirmed', 'order.cancelled']],
          [undone, ['order.placed', 'order.cancelled']],
          [refused, ['order.placed', 'order.cancelled']],
          [kept, ['order.placed']],
        ],
        'inventory.events': [
          [returned, ['stock.committed', 'stock.released']],
          [undone, ['stock.reserved', 'stock.released']],
          [refused, ['stock.rejected']],
          [kept, ['stock.reserved']],
        ],
      };
      for (const [orderId, types] of Object.values(said).flat()) await arrivals.waitForPublished(orderId, types);
      const heardFirst = topics[held === topics[0] ? 1 : 0];
      await withHeldBack(shop, { listener: 'payment', topic: held }, async () => {
        for (const [orderId, types] of said[heardFirst]) await arrivals.waitFor(orderId, types);
        for (const [orderId, types] of said[held]) await arrivals.assertNotHeard(orderId, types);
      });
      await controlPart(shop.home, 'payment', 'start');

      const ends = { [returned]: 'refunded', [undone]: 'voided', [refused]: 'voided', [kept]: 'captured' };
      for (const [orderId, end] of Object.entries(ends))
        await client.orderWhere(token, orderId, ({ payment }) => payment.status === end);
      for (const [orderId, types] of said[held]) await arrivals.waitFor(orderId, types);
      await arrivals.remember(Object.keys(ends));
    });
  });
}

test('payment has heard every two events of its topics in either order, except where one is the cause of the other', () => {
  arrivals.assertEitherOrder(exceptions);
});

async function place(sku: string, quantity = 1): Promise<string> {
  return (await client.placeOrder(token, { lines: [{ sku, quantity }], paymentMethod: 'tok_visa' })).orderId;
}
