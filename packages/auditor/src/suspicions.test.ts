import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from './books.ts';
import { openSuspicions } from './suspicions.ts';

const missing: Finding = { invariant: 'money', about: 'one', detail: 'has no payment row' };

test('what is found once is suspected, and stands when every look of five seconds has found it', () => {
  const suspicions = openSuspicions(5_000);
  suspicions.renew(['one'], [missing], 0);
  suspicions.renew(['one'], [missing], 4_999);
  assert.deepEqual([suspicions.suspected(), suspicions.standing()], [[missing], []]);
  suspicions.renew(['one'], [missing], 5_000);
  assert.deepEqual([suspicions.suspected(), suspicions.standing()], [[], [missing]]);
});

test('one look is not enough, however long it took', () => {
  const suspicions = openSuspicions(0);
  suspicions.renew(['one'], [missing], 0);
  assert.deepEqual(suspicions.standing(), []);
  suspicions.renew(['one'], [missing], 0);
  assert.deepEqual(suspicions.standing(), [missing]);
});

test('what a look does not find again, or finds in other words, was a race', () => {
  const suspicions = openSuspicions(5_000);
  suspicions.renew(['one'], [missing], 0);
  suspicions.renew(['one'], [], 3_000);
  suspicions.renew(['one'], [{ ...missing, detail: 'has another amount' }], 6_000);
  suspicions.renew(['one'], [missing], 9_000);
  assert.deepEqual(suspicions.standing(), []);
  assert.deepEqual(suspicions.suspected(), [missing]);
});

test('a look at one order says nothing of another', () => {
  const suspicions = openSuspicions(5_000);
  suspicions.renew(['one'], [missing], 0);
  suspicions.renew(['other'], [], 5_000);
  assert.deepEqual([...suspicions.keys()], ['one']);
});
