import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { at } from './tampering-fixture.ts';
import { balancedBooks, confirmedId, sku } from './balanced-books-fixture.ts';
import { openNotebook, type Notebook } from './notebook.ts';

function freshNotebook(t: TestContext): Notebook {
  const notebook = openNotebook();
  t.after(() => notebook.close());
  return notebook;
}

const { records, messages } = balancedBooks();
const outbox = messages.order.outbox.map((row) => ({ ...row, service: 'order' as const }));

test('what is noted is found by what it is about, each row once', (t) => {
  const notebook = freshNotebook(t);
  notebook.note('records', records);
  notebook.note('records', records);
  assert.equal(notebook.count('records'), records.length);
  const found = notebook.find('records', [confirmedId]).map(({ id, digest }) => [id, digest]);
  const byTopic = records
    .filter(({ key }) => key === confirmedId)
    .toSorted((one, other) => one.topic.localeCompare(other.topic) || one.offset - other.offset);
  assert.deepEqual(
    found,
    byTopic.map(({ id, digest }) => [id, digest]),
  );
  assert.deepEqual(notebook.find('records', []), []);
});

test('only what is new touches a key, and a key is taken once', (t) => {
  const notebook = freshNotebook(t);
  notebook.note('outbox', outbox);
  assert.deepEqual(notebook.takeTouched(), [...new Set(outbox.map(({ key }) => key))].toSorted());
  notebook.note('outbox', outbox);
  assert.deepEqual(notebook.takeTouched(), []);
  notebook.touch([confirmedId]);
  assert.deepEqual(notebook.takeTouched(), [confirmedId]);
});

test('databases are read anew after they were forgotten, and what stands outside of them is kept', (t) => {
  const notebook = freshNotebook(t);
  notebook.note('outbox', outbox);
  notebook.note('records', records);
  notebook.takeTouched();
  notebook.forgetDatabases();
  assert.deepEqual([notebook.count('outbox'), notebook.count('records')], [0, records.length]);
  assert.ok(notebook.takeTouched().includes(sku), 'a key of which only a topic tells is looked at again');
});

test('an event was published when its topic first had it; one that is in no topic was not', (t) => {
  const notebook = freshNotebook(t);
  const [said, unpublished] = [at(outbox, 0), at(outbox, 1)];
  notebook.note('outbox', [said, unpublished]);
  const record = records.find(({ id }) => id === said.id);
  assert.ok(record !== undefined);
  notebook.note('records', [
    { ...record, offset: 10, timestampMs: 3_000 },
    { ...record, offset: 9, timestampMs: 2_000 },
  ]);
  const moments = new Map([...notebook.moments()].map(({ type, timestampMs }) => [type, timestampMs]));
  assert.deepEqual([moments.get(said.type), moments.get(unpublished.type)], [2_000, null]);
});
