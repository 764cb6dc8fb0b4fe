import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { enterShop } from './shop-under-test.ts';

const { shop } = await enterShop();

const toldWithinMs = 20_000;
const wellWithinMs = 45_000;

test('a process that was stopped in its tracks past everybody is told within 20 s', async () => {
  const inventory = async () => (await readShopStatus(shop.home)).parts.find(({ name }) => name === 'inventory');
  const { pid } = (await inventory()) ?? {};
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGSTOP');
  try {
    const isTold = async () => {
      const { state, detail = '' } = (await inventory()) ?? {};
      return state === 'paused' && detail.includes('npm run stack -- resume inventory');
    };
    await waitUntil('the status to say what resumes it', isTold, toldWithinMs);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const isWell = async () => (await readShopStatus(shop.home)).state === 'running';
  await waitUntil('the shop is well', isWell, wellWithinMs);
});
