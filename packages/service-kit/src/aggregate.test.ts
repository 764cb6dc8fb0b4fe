import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId, type EventId } from '@sagamart/contracts/ids';
import { placedData } from '@sagamart/test-kit/event-builder';
import { lockForWork, type Aggregate, type Repository, type Written } from './aggregate.ts';
import type { Transaction } from './transaction.ts';
import type { Counters } from './transition.ts';

type Counter = { readonly name: string; readonly count: number } & Counters;
type Input = { readonly name: string; readonly add: number; readonly lamport: number };

const clock = { now: () => new Date('2026-01-01T00:00:00.000Z'), newEventId: newId<EventId> };
const tx = {} as Transaction;

/** Emits order.placed for each that it adds, refuses to take away, and is not to be brought further than 10. */
const counting: Aggregate<Counter, Input, 'negative'> = {
  source: '/test',
  decide: (before, { name, add, lamport }) => {
    if (add < 0) return { refused: 'negative' };
    const count = before.count + add;
    if (count > 10) return { unreachable: `at ${before.count}` };
    const emits = Array.from({ length: add }, () => ({ type: 'order.placed' as const, data: placedData() }));
    const cause = { causationId: null, lamport, correlationId: name, traceparent: null };
    return { row: { ...before, count }, emits, cause };
  },
};

async function begin(inputs: readonly Input[]) {
  const written: Written<Counter, Input>[] = [];
  const counters: Repository<string, Counter, Input, 'negative'> = {
    aggregate: counting,
    keyOf: ({ name }) => name,
    lock: async (_tx, about) =>
      new Map(
        about
          .filter(({ name }) => name !== 'absent')
          .map(({ name }) => [name, { name, count: 0, lamport: 5, version: 2 }]),
      ),
    write: async (_tx, each) => void written.push(each),
  };
  return { work: await lockForWork(tx, counters, inputs, clock), written };
}

test('a step decides on what the steps before it have left; each row is written once, with all that was emitted', async () => {
  const inputs = [
    { name: 'a', add: 2, lamport: 9 },
    { name: 'b', add: 0, lamport: 1 },
    { name: 'a', add: 1, lamport: 3 },
  ];
  const { work, written } = await begin(inputs);
  for (const input of inputs) work.take(input);
  await work.write();
  const [{ rows, events, steps } = { rows: [], events: [], steps: [] }] = written;
  assert.deepEqual(rows, [
    { name: 'a', count: 3, lamport: 11, version: 5 },
    { name: 'b', count: 0, lamport: 6, version: 2 },
  ]);
  assert.deepEqual(
    events.map(({ aggregateVersion, lamport, source }) => [aggregateVersion, lamport, source]),
    [
      [3, 10, '/test'],
      [4, 10, '/test'],
      [5, 11, '/test'],
    ],
  );
  assert.deepEqual(
    steps.map(({ input, row }) => [input, row.count]),
    [
      [inputs[0], 2],
      [inputs[1], 0],
      [inputs[2], 3],
    ],
  );
});

test('a refusal and what cannot be reached change nothing, and nothing is written', async () => {
  const { work, written } = await begin([{ name: 'a', add: 0, lamport: 0 }]);
  assert.deepEqual(work.take({ name: 'a', add: -1, lamport: 0 }), { refused: 'negative' });
  assert.deepEqual(work.take({ name: 'a', add: 11, lamport: 0 }), { unreachable: 'at 0' });
  assert.deepEqual(work.find('a'), { name: 'a', count: 0, lamport: 5, version: 2 });
  await work.write();
  assert.deepEqual(written, []);
});

test('there is no step of a row that is not there', async () => {
  const input = { name: 'absent', add: 1, lamport: 0 };
  const { work } = await begin([input]);
  assert.equal(work.find('absent'), null);
  assert.throws(() => work.take(input), /absent was not locked/);
});
