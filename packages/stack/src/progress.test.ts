import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PartState, PartStatus } from './part.ts';
import { progressLines, progressOn } from './progress.ts';
import type { ShopStatus } from './supervisor.ts';

test('a start shows what is up, what each other part is busy with, and for how long', () => {
  const lines = progressLines(status([part('kafka', 'starting', 'creating topics'), part('redis', 'running')]), 1_500);
  assert.deepEqual(lines, [
    '  [===============               ] 1 of 2 parts up    1.5 s',
    '  kafka            starting: creating topics',
  ]);
});

test('where lines cannot be redrawn, a counter that goes up makes no new line', () => {
  const written: string[] = [];
  const progress = progressOn({ write: (text) => written.push(text) });
  progress.show(status([part('kafka', 'starting', 'fetching (1 files)')]));
  progress.show(status([part('kafka', 'starting', 'fetching (2 files)')]));
  progress.show(status([part('kafka', 'running')]));
  assert.equal(written.length, 2);
  assert.match(written[1] ?? '', /1\/1 {2}kafka: running/);
});

function part(name: string, state: PartState, detail?: string): PartStatus {
  return {
    name,
    kind: 'service',
    url: '',
    state,
    since: new Date(0).toISOString(),
    ...(detail !== undefined && { detail }),
  };
}

function status(parts: PartStatus[]): ShopStatus {
  return { state: 'starting', target: 'native', parts };
}
