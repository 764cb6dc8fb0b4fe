import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { withTrouble } from '../provider-controls.ts';
import type { OrderView } from '../shop-client.ts';
import { enterShop } from '../shop-under-test.ts';
import { openRandom } from './seeded-random.ts';

const { client, shop } = await enterShop();

const downMs = 120_000;
const orderEveryMs = 1_000;
const cancelledWithinMs = 5_000;
/** The order service's grace for what was said before a deadline, and its sweeper. */
const decidedWithinMs = 16_000;
/** The longest pause of the payment service before it asks again, and a call. */
const askedAgainWithinMs = 15_000;

type Placed = { orderId: string; deadlineMs: number; isCancelled: boolean };

test('a provider that is down for two minutes costs no order its answer: each is confirmed, timed out or cancelled as its customer wished', async (t) => {
  const random = openRandom();
  const sku = await client.createProduct({ stock: (2 * downMs) / orderEveryMs });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const placeOne = async (isCancelled: boolean): Promise<Placed> => {
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    const { orderId, deadline } = await client.placeOrder(token, order);
    if (isCancelled) {
      await pause(random.below(cancelledWithinMs));
      assert.equal((await client.cancelOrder(token, orderId)).status, 202);
    }
    return { orderId, deadlineMs: Date.parse(deadline), isCancelled };
  };

  const placed = await withTrouble(shop, { down: true }, async () => {
    const upAtMs = Date.now() + downMs;
    const trickle: Promise<Placed>[] = [];
    while (Date.now() < upAtMs) {
      trickle.push(placeOne(random.below(4) === 0));
      await pause(orderEveryMs);
    }
    const all = await Promise.all(trickle);
    // The outcome and the stock do not wait for the money, and what became of the money is not guessed.
    for (const { orderId, isCancelled } of all.filter(({ deadlineMs }) => deadlineMs + decidedWithinMs < upAtMs)) {
      const { payment } = await client.orderWhere(token, orderId, hasNoStock);
      // A capture that was cancelled before anybody was asked needs no answer.
      assert.ok(['voiding', ...(isCancelled ? ['voided'] : [])].includes(payment.status), payment.status);
    }
    return all;
  });
  const upAtMs = Date.now();

  const ends = new Map<string, number>();
  for (const { orderId, deadlineMs, isCancelled } of placed) {
    const { status, reason } = await client.orderWhere(token, orderId, isSettled, 60_000);
    const end = reason ?? status;
    ends.set(end, (ends.get(end) ?? 0) + 1);
    if (isCancelled) assert.equal(end, 'customer_cancelled');
    else if (deadlineMs + decidedWithinMs < upAtMs) assert.equal(end, 'timed_out');
    else if (deadlineMs > upAtMs + askedAgainWithinMs) assert.equal(end, 'confirmed');
    else assert.ok(['timed_out', 'confirmed'].includes(end), end);
  }
  const settledMs = Date.now() - upAtMs;
  t.diagnostic(
    `all settled ${(settledMs / 1_000).toFixed(1)} s after the provider was back: ${[...ends].map(([end, count]) => `${count} ${end}`).join(', ')}; seed ${random.seed}`,
  );
  assert.equal(await client.available(sku), (2 * downMs) / orderEveryMs - (ends.get('confirmed') ?? 0));
});

function isSettled(order: OrderView): boolean {
  const { status, payment, stock } = order;
  if (status === 'confirmed') return stock.status === 'committed';
  return hasNoStock(order) && ['voided', 'refunded'].includes(payment.status);
}

function hasNoStock({ status, stock }: OrderView): boolean {
  return status === 'cancelled' && ['released', 'none'].includes(stock.status);
}
