import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDoubts } from './doubts.ts';

test('one address that alone is refused is believed, each time', () => {
  const doubts = createDoubts();
  assert.deepEqual([doubts.isBelieved('ada'), doubts.isBelieved('ada')], [true, true]);
});

test('while one after the other is refused and none is taken, nobody but the first is believed', () => {
  const doubts = createDoubts();
  const answers = ['ada', 'bob', 'eve', 'bob', 'ada'].map((address) => doubts.isBelieved(address));
  assert.deepEqual(answers, [true, false, false, false, false]);
});

test('who is refused again after somebody else was taken is believed, however many there are', () => {
  const doubts = createDoubts();
  for (const address of ['ada', 'bob', 'eve']) doubts.isBelieved(address);
  doubts.taken('joe');
  assert.deepEqual(
    ['ada', 'bob', 'eve'].map((address) => doubts.isBelieved(address)),
    [true, true, true],
  );
});

test('a sweep after a good while believes nobody but the first', () => {
  const doubts = createDoubts();
  for (const address of ['ada', 'bob']) doubts.isBelieved(address);
  for (const address of ['ada', 'bob']) doubts.taken(address);
  assert.deepEqual([doubts.isBelieved('ada'), doubts.isBelieved('bob')], [true, false]);
});
