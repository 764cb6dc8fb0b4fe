import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tailOfLog } from '@sagamart/stack/part-log';
import { controlPart, readShopStatus } from '@sagamart/stack/shop';
import { enterShop, waitForRest } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from './spans.ts';

const { client, shop, books } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

const orders = 20;
const inTurnsMsMax = 10_000;
const lastLines = 8;

/** Jaeger is frozen or killed; what a test run opened in its place hangs or refuses. */
async function withCollector(trouble: 'hang' | 'refuse', run: () => Promise<void>): Promise<void> {
  const { parts } = await readShopStatus(shop.home);
  const jaeger = parts.some(({ name }) => name === 'jaeger');
  const tell = (mood: string) => fetch(`${process.env['SAGAMART_TRACES_URL']}/mood/${mood}`, { method: 'PUT' });
  if (jaeger) await controlPart(shop.home, 'jaeger', trouble === 'hang' ? 'pause' : 'stop');
  else await tell(trouble);
  try {
    await run();
  } finally {
    if (jaeger) await controlPart(shop.home, 'jaeger', trouble === 'hang' ? 'resume' : 'start');
    else await tell('take');
  }
}

for (const trouble of ['hang', 'refuse'] as const)
  test(`with a collector that would ${trouble}, every order ends as it must, services stop and start, and spans come again after it`, async () => {
    const sku = await client.createProduct({ stock: orders + 1 });
    const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
    await withCollector(trouble, async () => {
      const began = performance.now();
      for (let index = 0; index < orders; index += 1) await client.placeOrder(token, order);
      assert.ok(performance.now() - began < inTurnsMsMax, 'orders are accepted as ever');
      await waitForRest(books);
      await controlPart(shop.home, 'notification', 'stop');
      const lastWords = tailOfLog(shop.home, 'notification', lastLines);
      await controlPart(shop.home, 'notification', 'start');
      assert.match(lastWords, /"msg":"closed"\}\s*$/, `nothing was passed over or killed:\n${lastWords}`);
    });
    const answer = await client.sendOrder(token, order);
    await traceWhere(traceIdOfAnswer(answer), (spans) =>
      edgesOf(spans).includes('order: POST /orders → order: transaction'),
    );
  });
