import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { waitForLedger, withTrouble } from './provider-controls.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

// Well within the checkout deadline, after which a capture is unknown no more but voided.
const alarmDeadlineMs = 20_000;
const nonsenses = ['wrong_amount', 'unknown_status', 'bad_json'] as const;

for (const nonsense of nonsenses) {
  test(`a provider that answers ${nonsense} is not believed but alarmed about, and its answer taken when it makes sense`, async () => {
    const sku = await client.createProduct({ stock: 1 });
    const orderId = await withTrouble(shop, { nonsense }, async () => {
      const placed = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
      await waitForLedger(shop, placed.orderId, 'capture');
      await waitForAlarm(placed.orderId);
      const order = await client.orderWhere(token, placed.orderId, () => true);
      assert.deepEqual([order.status, order.payment.status], ['pending', 'capturing']);
      return placed.orderId;
    });
    await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
    await waitForNoAlarm();
    assert.deepEqual(await moneySaidOf(orderId), ['payment.captured']);
  });

  test(`a cancelled order is not undone by a provider that answers ${nonsense}, until its answers make sense`, async () => {
    const sku = await client.createProduct({ stock: 2 });
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const confirmed = await client.placeOrder(token, order);
    await client.orderWhere(token, confirmed.orderId, ({ status }) => status === 'confirmed');
    const unknown = await withTrouble(shop, { nonsense }, async () => {
      const placed = await client.placeOrder(token, order);
      await waitForLedger(shop, placed.orderId, 'capture');
      await client.orderWhere(token, placed.orderId, ({ payment }) => payment.status === 'capturing');
      for (const { orderId } of [confirmed, placed])
        assert.equal((await client.cancelOrder(token, orderId)).status, 202);
      await client.orderWhere(token, confirmed.orderId, ({ payment }) => payment.status === 'refunding');
      await client.orderWhere(token, placed.orderId, ({ payment }) => payment.status === 'voiding');
      await waitForAlarm('payments waiting 2');
      for (const { orderId } of [confirmed, placed]) {
        const { payment } = await client.orderWhere(token, orderId, () => true);
        assert.ok(['refunding', 'voiding'].includes(payment.status), payment.status);
      }
      return placed;
    });
    for (const { orderId } of [confirmed, unknown]) {
      await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'refunded');
      assert.deepEqual(await moneySaidOf(orderId), ['payment.captured', 'payment.refunded']);
    }
    await waitForNoAlarm();
  });
}

async function alarm(): Promise<string | undefined> {
  return (await readShopStatus(shop.home)).parts.find(({ name }) => name === 'payment')?.detail;
}

async function waitForAlarm(part: string): Promise<void> {
  await waitUntil(`an alarm of payment with ${part}`, async () => (await alarm())?.includes(part), alarmDeadlineMs);
}

async function waitForNoAlarm(): Promise<void> {
  await waitUntil('the end of the alarm', async () => (await alarm()) === undefined, alarmDeadlineMs);
}

async function moneySaidOf(orderId: string): Promise<string[]> {
  await waitForRest(books);
  const types = (await client.readTimeline(token, orderId)).map(({ type }) => type);
  return types.filter((type) => type.startsWith('payment.'));
}
