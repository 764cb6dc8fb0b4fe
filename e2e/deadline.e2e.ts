import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlPart } from '@sagamart/stack/shop';
import { waitForLedger, withTrouble } from './provider-controls.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

/** An order's own deadline, what is still heard after it, and the sweeper. */
const timedOutWithinMs = 100_000;

test('a capture that becomes known after the deadline is refunded, and stock that nobody held in time is given back', async () => {
  const [captured, unheard] = await Promise.all([
    client.createProduct({ stock: 1 }),
    client.createProduct({ stock: 1 }),
  ]);
  const place = async (sku: string) =>
    (await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' })).orderId;
  const [late, never] = await withTrouble(shop, { lostReplies: lostForNow }, async () => {
    const capturedId = await place(captured);
    await waitForLedger(shop, capturedId, 'capture');
    await controlPart(shop.home, 'inventory', 'stop');
    try {
      const unheardId = await place(unheard);
      for (const orderId of [capturedId, unheardId]) {
        const { reason } = await client.orderWhere(
          token,
          orderId,
          ({ status }) => status === 'cancelled',
          timedOutWithinMs,
        );
        assert.equal(reason, 'timed_out');
      }
      return [capturedId, unheardId] as const;
    } finally {
      await controlPart(shop.home, 'inventory', 'start');
    }
  });
  await client.orderWhere(
    token,
    late,
    ({ payment, stock }) => payment.status === 'refunded' && stock.status === 'released',
  );
  await client.orderWhere(
    token,
    never,
    ({ payment, stock }) => payment.status === 'voided' && stock.status === 'released',
  );
  assert.equal(await client.available(captured), 1);
  assert.equal(await client.available(unheard), 1);
});

test('a payment service that was down past the deadline starts no capture when it is back', async () => {
  const sku = await client.createProduct({ stock: 3 });
  await controlPart(shop.home, 'payment', 'stop');
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  const placed = await Promise.all(Array.from({ length: 3 }, () => client.placeOrder(token, order)));
  try {
    for (const { orderId } of placed) {
      const { reason } = await client.orderWhere(
        token,
        orderId,
        ({ status }) => status === 'cancelled',
        timedOutWithinMs,
      );
      assert.equal(reason, 'timed_out');
    }
  } finally {
    await controlPart(shop.home, 'payment', 'start');
  }
  for (const { orderId } of placed) {
    await client.orderWhere(
      token,
      orderId,
      ({ payment, stock }) => payment.status === 'voided' && stock.status === 'released',
    );
    const timeline = await client.readTimeline(token, orderId);
    assert.ok(timeline.every(({ type }) => type !== 'payment.captured'));
  }
  assert.equal(await client.available(sku), 3);
});

/** More replies than are asked for while a test waits. */
const lostForNow = 1_000;
