import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { enterShop } from '../shop-under-test.ts';
import { openRandom } from './seeded-random.ts';

const { client, books } = await enterShop();

const orders = 500;
const cancelled = orders / 5;
const placedWithinMs = 25_000;
const cancelledWithinMs = 4_000;
const restWithinMs = 15_000;
const paymentMethods = ['tok_visa', 'tok_declined', 'tok_slow', 'tok_lost_reply', 'tok_flaky'] as const;

test(`${orders} orders over all test tokens, ${cancelled} of them cancelled at random moments, are at rest ${restWithinMs / 1_000} s after the last deadline`, async (t) => {
  const random = openRandom();
  const [plenty, scarce] = [
    await client.createProduct({ stock: 3 * orders }),
    await client.createProduct({ stock: 10 }),
  ];
  const customers = await Promise.all(paymentMethods.map(() => client.openSession({ email: 'ada@example.com' })));
  const toCancel = new Set(random.shuffled(Array.from({ length: orders }, (_, index) => index)).slice(0, cancelled));
  const plans = Array.from({ length: orders }, (_, index) => ({
    token: customers[random.below(customers.length)]?.token ?? '',
    paymentMethod: paymentMethods[index % paymentMethods.length] ?? 'tok_visa',
    sku: random.below(10) === 0 ? scarce : plenty,
    quantity: 1 + random.below(3),
    placedAfterMs: random.below(placedWithinMs),
    cancelledAfterMs: toCancel.has(index) ? random.below(cancelledWithinMs) : null,
  }));

  const placed = await Promise.all(
    plans.map(async ({ token, paymentMethod, sku, quantity, placedAfterMs, cancelledAfterMs }) => {
      await pause(placedAfterMs);
      const { orderId, deadline } = await client.placeOrder(token, { lines: [{ sku, quantity }], paymentMethod });
      if (cancelledAfterMs !== null) {
        await pause(cancelledAfterMs);
        assert.equal((await client.cancelOrder(token, orderId)).status, 202);
      }
      return {
        token,
        orderId,
        paymentMethod,
        sku,
        isCancelled: cancelledAfterMs !== null,
        deadlineMs: Date.parse(deadline),
      };
    }),
  );

  const sentAtMs = Date.now();
  const lastDeadlineMs = Math.max(...placed.map(({ deadlineMs }) => deadlineMs));
  const { inFlight } = await books.settle({ deadlineMs: lastDeadlineMs + restWithinMs - sentAtMs });
  const restAtMs = Date.now();
  assert.deepEqual(inFlight, []);

  const ends = new Map<string, number>();
  for (const { token, orderId, paymentMethod, sku, isCancelled } of placed) {
    const { status, reason } = await client.orderWhere(token, orderId, (order) => order.status !== 'pending');
    const end = reason ?? status;
    ends.set(end, (ends.get(end) ?? 0) + 1);
    const expected = isCancelled ? ['customer_cancelled'] : ['confirmed'];
    if (paymentMethod === 'tok_declined') expected.splice(0, isCancelled ? 0 : 1, 'payment_declined');
    if (sku === scarce) expected.push('out_of_stock');
    assert.ok(
      expected.includes(end),
      `${orderId} with ${paymentMethod} ended as ${end}, expected ${expected.join(' or ')}`,
    );
  }
  t.diagnostic(
    `at rest ${((restAtMs - sentAtMs) / 1_000).toFixed(1)} s after the last order or cancellation was sent, ${Math.abs((restAtMs - lastDeadlineMs) / 1_000).toFixed(1)} s ${restAtMs < lastDeadlineMs ? 'before' : 'after'} the last deadline; ${[...ends].map(([end, count]) => `${count} ${end}`).join(', ')}; seed ${random.seed}`,
  );
});
