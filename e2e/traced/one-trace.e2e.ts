import { test } from 'node:test';
import { enterShop } from '../shop-under-test.ts';
import { assertOneTraceEach } from './one-trace.ts';

const { client } = await enterShop();

test('the whole life of an order is one trace, however it ends', async (t) => {
  const seconds = await assertOneTraceEach(client, 20);
  t.diagnostic(`each was whole at most ${seconds.toFixed(1)} s after its order had ended`);
});
