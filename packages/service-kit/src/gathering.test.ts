import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { gathered } from './gathering.ts';
import type { ConsumedRecord } from './parked.ts';

/** So many records of a partition. */
function records(topic: string, partition: number, count: number): ConsumedRecord[] {
  return Array.from({ length: count }, (_, offset) => ({
    ...{ topic, partition, offset: String(offset), key: null, value: null, bytes: null, headers: {} },
  }));
}

/** A handler of ten records at most, whose lots stay in hand until the test ends them, in the words of the test: `orders: 2 of 0, 1 of 3`. */
function openGathering() {
  const lots: { holds: string; end: (error?: Error) => void }[] = [];
  const bring = gathered((all) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const counts = [...Map.groupBy(all, ({ partition }) => partition)].map(
      ([partition, of]) => `${of.length} of ${partition}`,
    );
    lots.push({
      holds: `${all[0]?.topic}: ${counts.join(', ')}`,
      end: (error) => (error === undefined ? resolve() : reject(error)),
    });
    return promise;
  }, 10);
  return {
    bring,
    holds: () => lots.map(({ holds }) => holds),
    end: async (index: number, error?: Error) => (await waitUntil('a lot', () => lots[index])).end(error),
  };
}

test('what comes of several partitions at once is one lot of each topic', async () => {
  const { bring, holds, end } = openGathering();
  const all = Promise.all([
    bring(records('orders', 0, 2)),
    bring(records('payments', 0, 1)),
    bring(records('orders', 3, 1)),
  ]);
  await end(0);
  await end(1);
  await all;
  assert.deepEqual(holds(), ['orders: 2 of 0, 1 of 3', 'payments: 1 of 0']);
});

test('a lot holds no more than it may, and the next of its topic waits until it has ended, well or not', async () => {
  const { bring, holds, end } = openGathering();
  const first = bring(records('orders', 0, 6));
  const second = bring(records('orders', 1, 6));
  const third = bring(records('orders', 2, 4));
  const other = bring(records('payments', 0, 11));
  await end(1);
  await other;
  assert.deepEqual(holds(), ['orders: 6 of 0', 'payments: 11 of 0'], 'a partition is never divided');
  await end(0, new Error('this lot only'));
  await assert.rejects(first, /this lot only/);
  await end(2);
  await Promise.all([second, third]);
  assert.deepEqual(holds().at(-1), 'orders: 6 of 1, 4 of 2');
});

test('what comes while a lot is in hand waits for its end, together', async () => {
  const { bring, holds, end } = openGathering();
  const first = bring(records('orders', 0, 1));
  await waitUntil('the first lot', () => holds().length === 1);
  const later = [bring(records('orders', 1, 1))];
  await turn();
  later.push(bring(records('orders', 2, 1)));
  await turn();
  assert.deepEqual(holds(), ['orders: 1 of 0']);
  await end(0);
  await end(1);
  await Promise.all([first, ...later]);
  assert.deepEqual(holds(), ['orders: 1 of 0', 'orders: 1 of 1, 1 of 2']);
});
