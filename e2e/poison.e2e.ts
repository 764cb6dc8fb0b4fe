import { test } from 'node:test';
import { placeAmidPoison } from './poisoned-orders.ts';
import { enterShop } from './shop-under-test.ts';

const entered = await enterShop();

test('four messages that cannot be handled, each of its own kind, are parked and hold up none of the orders around them', async () => {
  await placeAmidPoison(entered, { orders: 60, deadlineMs: 60_000 });
});
