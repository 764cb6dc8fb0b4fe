import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { guides } from '@sagamart/auditor/guide';
import { changedSources } from './changed-source.ts';
import { findSaboteur, saboteurs } from './saboteurs.ts';
import { withSaboteurTable } from './table.ts';

for (const saboteur of saboteurs) {
  test(`what ${saboteur.name} removes is still there, and what it puts instead is a program`, () => {
    const sources = changedSources(saboteur);
    assert.equal(sources.size, new Set(saboteur.changes?.map(({ file }) => file)).size + 1, 'its files and the alarm');
    for (const [url, source] of sources) assert.doesNotThrow(() => stripTypeScriptTypes(source), url);
  });
}

test('a service whose source does not say what is to be removed, or says it twice, is not changed', () => {
  for (const [remove, found] of [
    ['exactly once delivery', 'found 0 times'],
    ['import', 'found 2 times'],
  ] as const) {
    const change = { file: 'packages/service-kit/src/inbox.ts', remove, instead: '' };
    assert.throws(() => changedSources({ ...findSaboteur('no-inbox'), changes: [change] }), new RegExp(found));
  }
});

test('nothing is checked that no saboteur breaks', () => {
  const broken = new Set(saboteurs.flatMap(({ breaks }) => breaks));
  assert.deepEqual([...broken].toSorted(), Object.keys(guides).toSorted());
});

test('no two saboteurs have one name', () => {
  assert.equal(new Set(saboteurs.map(({ name }) => name)).size, saboteurs.length);
});

test('a saboteur that there is not is answered with those that there are', () => {
  assert.throws(() => findSaboteur('no-such'), /no-inbox/);
});

test('docs/saboteurs.md lists them all: npm run docs writes it anew', () => {
  const document = readFileSync(join(import.meta.dirname, '../../../docs/saboteurs.md'), 'utf8');
  assert.equal(document, withSaboteurTable(document));
});
