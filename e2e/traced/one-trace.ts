import assert from 'node:assert/strict';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { ShopClient } from '../shop-client.ts';
import { traceIdOfAnswer, traceWhere } from './spans.ts';

const paymentMethods = ['tok_visa', 'tok_declined', 'tok_slow', 'tok_lost_reply', 'tok_flaky'] as const;
const placedTogether = 20;
const decidedWithinMs = 90_000;

/**
 * Places so many orders over all test tokens, one in ten of more than there is, one in five cancelled by its customer, and checks of each, when all
 * has been said about it, that its whole life is in the trace that the answer to its placing named. Resolves with the seconds after which the last
 * trace was whole, counted from the end of its order.
 */
export async function assertOneTraceEach(client: ShopClient, orders: number): Promise<number> {
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const [plenty, none] = [await client.createProduct({ stock: orders }), await client.createProduct({ stock: 0 })];
  const live = async (index: number): Promise<number> => {
    const paymentMethod = paymentMethods[index % paymentMethods.length] ?? 'tok_visa';
    const lines = [{ sku: index % 10 === 3 ? none : plenty, quantity: 1 }];
    const answer = await client.sendOrder(token, { lines, paymentMethod });
    assert.equal(answer.status, 202, answer.text);
    const { orderId } = answer.body as { orderId: string };
    if (index % 5 === index % 4) assert.equal((await client.cancelOrder(token, orderId)).status, 202);
    return assertOneTrace(client, { token, orderId, traceId: traceIdOfAnswer(answer) });
  };
  const wholeAfter: number[] = [];
  for (let first = 0; first < orders; first += placedTogether) {
    const together = Array.from({ length: Math.min(placedTogether, orders - first) }, (_, next) => live(first + next));
    wholeAfter.push(...(await Promise.all(together)));
  }
  return Math.max(...wholeAfter);
}

async function assertOneTrace(
  client: ShopClient,
  { token, orderId, traceId }: { token: string; orderId: string; traceId: string },
): Promise<number> {
  const timeline = await waitUntil(
    `everything to be said about ${orderId}`,
    async () => {
      const items = await client.readTimeline(token, orderId);
      const told = items.filter(({ type }) => type === 'notification.sent').length;
      const outcomes = items.filter(({ type }) => type === 'order.confirmed' || type === 'order.cancelled').length;
      return outcomes > 0 && told === outcomes && items;
    },
    decidedWithinMs,
  );
  assert.deepEqual(new Set(timeline.map((item) => item.traceId)), new Set([traceId]));
  const endedAtMs = performance.now();
  const said = timeline.map(({ id }) => id);
  const spans = await traceWhere(traceId, (found) => {
    const heard = new Set(found.map(({ attributes }) => attributes['messaging.message.id']));
    const known = new Set(found.map(({ spanId }) => spanId));
    return said.every((id) => heard.has(id)) && found.filter(({ parentId }) => !known.has(parentId ?? '')).length === 1;
  });
  assert.deepEqual(new Set(spans.map((span) => span.traceId)), new Set([traceId]));
  return (performance.now() - endedAtMs) / 1_000;
}
