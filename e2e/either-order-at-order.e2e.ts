import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlPart } from '@sagamart/stack/shop';
import { openArrivals, type Exception } from './arrivals.ts';
import { withAllStarted, withHeldBack } from './held-back.ts';
import { waitForLedger, withTrouble } from './provider-controls.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });
// What notification and the catalogue say decides no order.
const topics = ['inventory.events', 'payment.events'] as const;
const arrivals = openArrivals(shop, books, { name: 'order', topics });

/** What does not come to an order in either order, and why. All other pairs are made to come in both by the tests below. */
const exceptions: readonly Exception[] = [
  {
    first: 'payment.captured',
    second: 'stock.committed',
    because: 'stock is committed when the order is confirmed, and it is the capture that confirms it',
  },
  ...(['payment.captured', 'payment.declined', 'payment.refunded'] as const).map((second) => ({
    first: 'stock.rejected' as const,
    second,
    never: true as const,
    because: 'the provider is not asked about an order that is out of stock',
  })),
  ...(['payment.declined', 'payment.voided'] as const).map((second) => ({
    first: 'stock.committed' as const,
    second,
    never: true as const,
    because: 'stock is committed for an order that was paid',
  })),
];

for (const held of topics) {
  test(`an order hears ${held} after all else, and is decided all the same`, async () => {
    const sku = await client.createProduct({ stock: 2 });
    await withAllStarted(shop, async () => {
      await controlPart(shop.home, 'inventory', 'stop');
      const paid = await place(sku);
      const declined = await place(sku, { paymentMethod: 'tok_declined' });
      await controlPart(shop.home, 'order', 'stop');
      await controlPart(shop.home, 'inventory', 'start');
      await arrivals.waitForPublished(paid, ['stock.reserved', 'payment.captured']);
      await arrivals.waitForPublished(declined, ['stock.reserved', 'payment.declined']);
      // What it says of the outcome would overtake what is held back.
      await controlPart(shop.home, 'inventory', 'stop');
      await withHeldBack(shop, { listener: 'order', topic: held }, async () => {
        if (held === 'payment.events') {
          for (const orderId of [paid, declined]) await arrivals.waitFor(orderId, ['stock.reserved']);
        } else {
          await arrivals.waitFor(declined, ['payment.declined']);
          await arrivals.waitFor(paid, ['payment.captured']);
          await cancel(paid);
          await arrivals.waitFor(paid, ['payment.refunded']);
        }
        const late = held === 'payment.events' ? (['payment.captured'] as const) : (['stock.reserved'] as const);
        await arrivals.assertNotHeard(paid, late);
      });
      await controlPart(shop.home, 'order', 'start');
      await controlPart(shop.home, 'inventory', 'start');

      const paidEnds = held === 'payment.events' ? ['confirmed', 'committed'] : ['cancelled', 'released'];
      await client.orderWhere(token, paid, ({ status, stock }) => `${status} ${stock.status}` === paidEnds.join(' '));
      const { reason } = await client.orderWhere(token, declined, ({ stock }) => stock.status === 'released');
      assert.equal(reason, 'payment_declined');
      await arrivals.remember([paid, declined]);
    });
  });
}

test('an order that was voided before its stock was held gets the stock back', async () => {
  const sku = await client.createProduct({ stock: 1 });
  await withAllStarted(shop, async () => {
    await controlPart(shop.home, 'inventory', 'stop');
    const undone = await place(sku);
    const refused = await place(sku, { quantity: 9 });
    for (const orderId of [undone, refused]) {
      await cancel(orderId);
      await arrivals.waitFor(orderId, ['payment.voided']);
    }
    await controlPart(shop.home, 'inventory', 'start');
    await arrivals.waitFor(undone, ['stock.reserved', 'stock.released']);
    await arrivals.waitFor(refused, ['stock.rejected']);
    await arrivals.remember([undone, refused]);
  });
  assert.equal(await client.available(sku), 1);
});

test('an order whose stock is back before its money is voided, or refunded where it was paid', async () => {
  const sku = await client.createProduct({ stock: 2 });
  const paid = await place(sku);
  await client.orderWhere(token, paid, ({ stock }) => stock.status === 'committed');
  await withAllStarted(shop, async () => {
    await controlPart(shop.home, 'payment', 'stop');
    const undone = await place(sku);
    const refused = await place(sku, { quantity: 9 });
    await arrivals.waitFor(undone, ['stock.reserved']);
    for (const orderId of [paid, undone]) {
      await cancel(orderId);
      await arrivals.waitFor(orderId, ['stock.released']);
    }
    await arrivals.waitFor(refused, ['stock.rejected']);
    await controlPart(shop.home, 'payment', 'start');
    await arrivals.waitFor(paid, ['payment.refunded']);
    for (const orderId of [undone, refused]) await arrivals.waitFor(orderId, ['payment.voided']);
    await arrivals.remember([paid, undone, refused]);
  });
  assert.equal(await client.available(sku), 2);
});

test('an order hears what the provider did when it is cancelled and its stock is back', async () => {
  const sku = await client.createProduct({ stock: 2 });
  const [captured, declined] = await withTrouble(shop, { lostReplies: 1_000 }, async () => {
    const orderIds = [await place(sku), await place(sku, { paymentMethod: 'tok_declined' })] as const;
    await waitForLedger(shop, orderIds[0], 'capture');
    await waitForLedger(shop, orderIds[1], 'decline');
    for (const orderId of orderIds) {
      await cancel(orderId);
      await arrivals.waitFor(orderId, ['stock.released']);
    }
    return orderIds;
  });
  await arrivals.waitFor(captured, ['payment.captured', 'payment.refunded']);
  await arrivals.waitFor(declined, ['payment.declined']);
  await arrivals.remember([captured, declined]);
  assert.equal(await client.available(sku), 2);
});

test('an order has heard every two events of its topics in either order, except where one is the cause of the other', () => {
  arrivals.assertEitherOrder(exceptions);
});

async function place(sku: string, { quantity = 1, paymentMethod = 'tok_visa' } = {}): Promise<string> {
  return (await client.placeOrder(token, { lines: [{ sku, quantity }], paymentMethod })).orderId;
}

async function cancel(orderId: string): Promise<void> {
  assert.equal((await client.cancelOrder(token, orderId)).status, 202);
}
