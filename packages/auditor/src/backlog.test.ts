import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBacklog, unmetConditions } from './backlog.ts';

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

test('of a span of time only the orders placed and the events said in it are counted', async () => {
  const asked: unknown[] = [];
  const reader = {
    query: async (sql: string, span?: unknown[]) => {
      asked.push(span);
      assert.equal(sql.match(/ >= uuidv7_floor\(\$1\) and \w+ < uuidv7_floor\(\$2\)/g)?.length, 3);
      return { rows: [{ what: 'orders are pending', count: 2 }] };
    },
  };
  const empty = { query: async () => ({ rows: [] }) };
  const readers = { order: reader, inventory: empty, payment: empty, notification: empty };
  assert.deepEqual(await readBacklog(readers, { fromMs: 1_000, beforeMs: 2_000 }), ['order: 2 orders are pending']);
  assert.deepEqual(asked, [[new Date(1_000), new Date(2_000)]]);
});
