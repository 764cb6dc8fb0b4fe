import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlPart } from '@sagamart/stack/shop';
import { enterShop } from '../shop-under-test.ts';
import { assertOneTraceEach } from '../traced/one-trace.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from '../traced/spans.ts';

const { client, shop } = await enterShop();

const orders = 500;
const timedOutWithinMs = 100_000;

test(`each of ${orders} mixed orders is one trace`, async (t) => {
  const seconds = await assertOneTraceEach(client, orders);
  t.diagnostic(`each was whole at most ${seconds.toFixed(1)} s after its order had ended`);
});

test('an order past its deadline is cancelled in its own trace, with a link to the sweep that did it', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  await controlPart(shop.home, 'inventory', 'stop');
  const answer = await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  try {
    const { orderId } = answer.body as { orderId: string };
    await client.orderWhere(token, orderId, ({ status }) => status === 'cancelled', timedOutWithinMs);
  } finally {
    await controlPart(shop.home, 'inventory', 'start');
  }
  const told = 'notification: process order.cancelled → notification: send mail';
  const spans = await traceWhere(traceIdOfAnswer(answer), (found) => edgesOf(found).includes(told));
  assert.ok(edgesOf(spans).includes('order: POST /orders → order: time out order'));
  const [link] = spans.find(({ name }) => name === 'time out order')?.links ?? [];
  const sweep = await traceWhere(link?.traceId ?? '', (found) => found.length > 0);
  assert.ok(edgesOf(sweep).includes('outside → order: sweep deadlines'));
});
