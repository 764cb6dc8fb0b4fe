import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmetConditions } from './rest.ts';

const quiet = {
  order: new Map([
    ['orders are pending', 0],
    ['said order.events', 4],
    ['heard payment.events', 2],
  ]),
  inventory: new Map([['heard order.events', 4]]),
  payment: new Map([
    ['said payment.events', 2],
    ['heard order.events', 4],
  ]),
  notification: new Map([['heard order.events', 4]]),
};

test('a shop where all that was said was heard and nothing is under way is at rest', () => {
  assert.deepEqual(unmetConditions(quiet), []);
});

test('a pending order keeps the shop from rest', () => {
  assert.deepEqual(unmetConditions({ ...quiet, order: new Map([...quiet.order, ['orders are pending', 2]]) }), [
    'order: 2 orders are pending',
  ]);
});

test('an event that one of its readers has not heard keeps the shop from rest', () => {
  const notification = new Map([['heard order.events', 3]]);
  assert.deepEqual(unmetConditions({ ...quiet, notification }), [
    'notification: 1 of 4 events of order.events not yet heard',
  ]);
});
