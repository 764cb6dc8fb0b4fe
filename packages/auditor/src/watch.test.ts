import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from './books.ts';
import type { Verdict } from './look.ts';
import { reportOn, textOf } from './report.ts';
import { changesOf, watchBooks } from './watch.ts';

const counts = {
  orders: 1,
  skus: 0,
  movements: 0,
  events: 5,
  records: 5,
  heard: 9,
  ledger: 1,
  refundedElsewhere: 0,
  mails: 1,
  keys: 1,
  doors: 12,
};
const calm: Verdict = { findings: [], suspected: [], inFlight: [], unread: [], unreadable: [], changed: 0, counts };
const unpaid: Finding = { invariant: 'money', about: 'one', detail: 'has no payment row' };
const blind: Verdict = { ...calm, unread: ['payment database: it is down'] };

test('a watch looks until it is stopped, once more then, and tells what it could not read in between', async () => {
  const verdicts = [calm, blind, { ...calm, findings: [unpaid] }];
  const seen: Verdict[] = [];
  const third = Promise.withResolvers<void>();
  const watch = watchBooks(
    { look: async () => verdicts[Math.min(seen.length, 2)] ?? calm },
    {
      everyMs: 1,
      onLook: (verdict) => {
        if (seen.push(verdict) === 3) third.resolve();
      },
    },
  );
  await third.promise;
  const { verdict, looks, unread } = await watch.stop();
  assert.deepEqual([verdict.findings, [...unread], looks], [[unpaid], blind.unread, seen.length]);
  assert.ok(looks > 3);
});

test('a change of verdict is told once, and so is its end', () => {
  const broken = { ...blind, findings: [unpaid] };
  assert.deepEqual(changesOf(undefined, calm), []);
  assert.deepEqual(changesOf(calm, broken), [
    'unread: payment database: it is down',
    'broken: money  one  has no payment row',
  ]);
  assert.deepEqual(changesOf(broken, broken), []);
  assert.deepEqual(changesOf(broken, blind), ['no longer broken: money  one  has no payment row']);
});

test('a report names what was compared, what is broken and where to look', () => {
  const report = reportOn(
    { ...calm, findings: [unpaid], inFlight: [{ about: 'two', waitsFor: ['it is pending'], sinceMs: 0 }] },
    1.26,
  );
  assert.equal(report.balanced, false);
  assert.equal(report.seconds, 1.3);
  const money = report.invariants.find(({ name }) => name === 'money');
  assert.deepEqual(
    [money?.compared, money?.findings],
    [{ orders: 1, ledger: 1, refundedElsewhere: 0 }, [{ about: 'one', detail: unpaid.detail }]],
  );
  const text = textOf(report);
  assert.match(
    text,
    /^money +BROKEN 1× +1 orders, 1 ledger lines\n {4}one {2}has no payment row\n {4}look at payments of payment_db/m,
  );
  assert.match(text, /^told_once +holds +1 orders, 1 mails$/m);
  assert.match(text, /^in flight {2}two {2}it is pending$/m);
  assert.match(text, /The books do not balance: 1 orders at rest, 1 in flight; 1\.3 s, \d+ MB at most\.$/);
  assert.match(textOf(reportOn(blind, 1)), /could not be read: payment database: it is down\nNot all could be read/);
});
