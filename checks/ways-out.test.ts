import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { waysOut, withWaysOut } from './ways-out.ts';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '..', file), 'utf8');
const ways = Object.entries(waysOut).flatMap(([what, states]) =>
  Object.entries(states).flatMap(([state, way]) => (way === 'final' ? [] : [{ what: `${what} ${state}`, ...way }])),
);

test('docs/ways-out.md is as the code says', () => {
  const document = read('docs/ways-out.md');
  assert.equal(withWaysOut(document), document, 'npm run docs writes it anew');
});

test('every way out names a test that there is', () => {
  for (const { what, file, title } of ways) assert.ok(read(file).includes(title), `${what}: ${file} has no "${title}"`);
});

test('every way out names an alert that there is, or says why there is none', () => {
  const alerts = read('infra/prometheus/alerts.yml');
  for (const { what, alarm } of ways)
    assert.ok(alarm.startsWith('none: ') || alerts.includes(`alert: ${alarm}\n`), `${what}: no alert ${alarm}`);
});

test('every command of a way out stands in a runbook', () => {
  const runbooks = [
    'parked-messages',
    'payment-waits',
    'mail-waits',
    'lost-slot',
    'connector-not-moving',
    'saga-stuck',
    'consumer-not-consuming',
  ]
    .map((name) => read(`docs/runbooks/${name}.md`))
    .join('\n');
  for (const { what, ends } of ways)
    for (const [command] of ends.matchAll(/npm run \w+( -- [a-z-]+)?/g))
      assert.ok(runbooks.includes(command), `${what}: no runbook says ${command}`);
});
