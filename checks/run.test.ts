import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

test('a cache folder that cannot be made ends a start with the variable to change', () => {
  const env = { ...process.env, SAGAMART_CACHE: '/proc/no/folders/here' };
  const said = spawnSync(process.execPath, ['scripts/run.mjs', 'doctor'], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: 10_000,
  });
  assert.equal(said.status, 1);
  assert.match(said.stderr, /cache folder \/proc\/no\/folders\/here cannot be made .*Set SAGAMART_CACHE/);
});
