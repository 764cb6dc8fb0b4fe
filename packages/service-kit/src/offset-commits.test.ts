import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { commitEveryMs, createOffsetCommits } from './offset-commits.ts';

/** Commits on a clock that the test moves, and what of a hundred batches, each one offset further, has been committed. */
function openCommits(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 1_000_000;
  t.mock.method(performance, 'now', () => nowMs);
  let resolved = 0;
  const committed: number[] = [];
  const failures: Error[] = [];
  const commits = createOffsetCommits(new Map([['orders', 'id of orders']]));
  return {
    committed,
    failures,
    close: commits.close,
    handle: () => {
      resolved += 1;
      const offset = String(resolved);
      return commits.handled({
        uncommittedOffsets: () => ({ topics: [{ topic: 'orders', partitions: [{ partition: 0, offset }] }] }),
        commitOffsetsIfNecessary: async (offsets) => {
          const failure = failures.pop();
          if (failure !== undefined) throw failure;
          committed.push(Number(offsets?.topics[0]?.partitions[0]?.offset));
        },
      });
    },
    // Whatever a timer started has ended after that.
    pass: async (ms: number) => {
      nowMs += ms;
      t.mock.timers.tick(ms);
      await new Promise(setImmediate);
    },
  };
}

test('the first batch is committed at once, the next hundred together, a second later', async (t) => {
  const { committed, handle, pass } = openCommits(t);
  await handle();
  assert.deepEqual(committed, [1]);
  for (let batches = 0; batches < 100; batches += 1) await handle();
  assert.deepEqual(committed, [1]);
  await pass(commitEveryMs);
  assert.deepEqual(committed, [1, 101]);
  await pass(10 * commitEveryMs);
  assert.deepEqual(committed, [1, 101], 'nothing is committed twice');
});

test('a batch after a quiet second is committed at once', async (t) => {
  const { committed, handle, pass } = openCommits(t);
  await handle();
  await pass(commitEveryMs);
  await handle();
  assert.deepEqual(committed, [1, 2]);
});

test('a commit that fails later is tried again, one that fails at once is told', async (t) => {
  const { committed, failures, handle, pass } = openCommits(t);
  await handle();
  await handle();
  failures.push(new Error('no broker'));
  await pass(commitEveryMs);
  assert.deepEqual(committed, [1]);
  await pass(commitEveryMs);
  assert.deepEqual(committed, [1, 2]);
  await pass(commitEveryMs);
  failures.push(new Error('no such member'));
  await assert.rejects(handle(), /no such member/);
});

test('at the end all is committed at once, and nobody waits for what cannot be', async (t) => {
  const { committed, failures, handle, close, pass } = openCommits(t);
  await handle();
  await handle();
  await close();
  await handle();
  assert.deepEqual(committed, [1, 2, 3]);
  failures.push(new Error('no broker'));
  await assert.rejects(close(), /no broker/);
  await pass(10 * commitEveryMs);
  assert.deepEqual(committed, [1, 2, 3]);
});

test('a commit that was under way at the end and fails is not tried again', async (t) => {
  const { committed, failures, handle, close, pass } = openCommits(t);
  await handle();
  await handle();
  failures.push(new Error('no broker'));
  const passed = pass(commitEveryMs);
  await close();
  await passed;
  await pass(10 * commitEveryMs);
  assert.deepEqual(committed, [1, 2]);
});
