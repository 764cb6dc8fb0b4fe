import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { decideCapture, meaningOf } from './capture.ts';
import type { Decision } from './entry.ts';
import { LedgerUnavailable, openLedger, waitingMax, type Ledger } from './ledger.ts';

function ledgerFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'psp-ledger-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'below', 'ledger.sqlite');
}

function freshLedger(t: TestContext): Ledger {
  const ledger = openLedger(ledgerFile(t));
  t.after(() => ledger.close());
  return ledger;
}

let captureCount = 0;

function capture(
  ledger: Ledger,
  { key, paymentMethod = 'tok_visa' }: { key: string; paymentMethod?: string },
): Promise<Decision> {
  captureCount += 1;
  const request = { amountMinor: 1490, currency: 'EUR', paymentMethod, reference: key };
  const fresh = {
    key,
    fingerprint: meaningOf(request),
    captureId: `cap_${captureCount}`,
    now: new Date('2026-11-21T10:00:00.000Z'),
  };
  return ledger.record((books) => decideCapture(request, books.byKey(key), fresh));
}

function answerOf(decision: Decision): string {
  assert.ok(decision.kind !== 'refused');
  return decision.kind === 'recorded' ? decision.entry.answer : decision.answer;
}

test('captures and declines are both in the ledger, in the order they were recorded', async (t) => {
  const ledger = freshLedger(t);
  await capture(ledger, { key: 'one' });
  await capture(ledger, { key: 'two', paymentMethod: 'tok_declined' });
  const rows = ledger.page({ after: 0, limit: 10 });
  assert.deepEqual(
    rows.map(({ sequence, key, kind }) => ({ sequence, key, kind })),
    [
      { sequence: 1, key: 'one', kind: 'capture' },
      { sequence: 2, key: 'two', kind: 'decline' },
    ],
  );
});

test('two requests at once with one key are one row and one answer', async (t) => {
  const ledger = freshLedger(t);
  const [first, second] = await Promise.all([capture(ledger, { key: 'same' }), capture(ledger, { key: 'same' })]);
  assert.equal(first.kind, 'recorded');
  assert.equal(second.kind, 'answered');
  assert.equal(answerOf(first), answerOf(second));
  assert.equal(ledger.page({ after: 0, limit: 10 }).length, 1);
});

test('a refused request leaves no row', async (t) => {
  const ledger = freshLedger(t);
  await capture(ledger, { key: 'one' });
  assert.deepEqual(await capture(ledger, { key: 'one', paymentMethod: 'tok_declined' }), {
    kind: 'refused',
    refusal: 'key_reused',
  });
  assert.equal(ledger.page({ after: 0, limit: 10 }).length, 1);
});

test('a ledger opened again knows every key it ever saw', async (t) => {
  const file = ledgerFile(t);
  const before = openLedger(file);
  const first = await capture(before, { key: 'one' });
  await before.close();
  const after = openLedger(file);
  t.after(() => after.close());
  const again = await capture(after, { key: 'one' });
  assert.equal(again.kind, 'answered');
  assert.equal(answerOf(again), answerOf(first));
});

test('more captures at once than fit one transaction are all recorded, in order of arrival', async (t) => {
  const ledger = freshLedger(t);
  const keys = Array.from({ length: 450 }, (_, index) => `key-${index}`);
  await Promise.all(keys.map((key) => capture(ledger, { key })));
  assert.deepEqual(
    ledger.page({ after: 0, limit: 1000 }).map(({ key }) => key),
    keys,
  );
});

test('closing finishes the captures that wait', async (t) => {
  const file = ledgerFile(t);
  const ledger = openLedger(file);
  const waiting = capture(ledger, { key: 'one' });
  await ledger.close();
  assert.equal((await waiting).kind, 'recorded');
});

test('the ledger is read in pages', async (t) => {
  const ledger = freshLedger(t);
  for (const key of ['one', 'two', 'three']) await capture(ledger, { key });
  assert.deepEqual(
    ledger.page({ after: 1, limit: 1 }).map(({ key }) => key),
    ['two'],
  );
  assert.deepEqual(ledger.page({ after: 3, limit: 10 }), []);
});

test('while another process holds the ledger a capture is unavailable, never lost or doubled', async (t) => {
  const file = ledgerFile(t);
  const ledger = openLedger(file);
  t.after(() => ledger.close());
  const other = new DatabaseSync(file);
  t.after(() => other.close());
  other.exec('begin immediate');
  await assert.rejects(capture(ledger, { key: 'one' }), LedgerUnavailable);
  other.exec('rollback');
  assert.equal((await capture(ledger, { key: 'one' })).kind, 'recorded');
  assert.equal(ledger.page({ after: 0, limit: 10 }).length, 1);
});

test('a request that cannot be decided takes none with it but those of its own transaction, and of these nothing is kept', async (t) => {
  const ledger = freshLedger(t);
  const broken = ledger.record(() => {
    throw new TypeError('a mistake');
  });
  const together = await Promise.allSettled([capture(ledger, { key: 'one' }), broken]);
  for (const each of together) assert.ok(each.status === 'rejected' && each.reason instanceof LedgerUnavailable);
  assert.deepEqual(ledger.page({ after: 0, limit: 10 }), []);
  assert.equal((await capture(ledger, { key: 'one' })).kind, 'recorded');
});

test('more requests than may wait are told to come again, and those that wait are answered', async (t) => {
  const ledger = freshLedger(t);
  const ask = () => ledger.record(() => ({ kind: 'refused', refusal: 'unknown_capture' }));
  const waiting = Array.from({ length: waitingMax }, ask);
  await assert.rejects(ask(), LedgerUnavailable);
  assert.equal((await Promise.all(waiting)).length, waitingMax);
  assert.equal((await ask()).kind, 'refused');
});

test('a ledger of a later version stays one when an earlier program has opened it', async (t) => {
  const file = ledgerFile(t);
  await openLedger(file).close();
  const database = new DatabaseSync(file);
  t.after(() => database.close());
  database.exec('pragma user_version = 99');
  await openLedger(file).close();
  assert.deepEqual({ ...database.prepare('pragma user_version').get() }, { user_version: 99 });
});
