import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTally } from './test-run.ts';

test('a test file that leaves something open is ended, counted as failed and named', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sagamart-test-run-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'left-open.test.mjs');
  writeFileSync(file, `import { test } from 'node:test';\ntest('passes', () => void setInterval(() => {}, 1_000));\n`);
  const runner = join(folder, 'runner.ts');
  const script = `
    import { closeTally, runTestFiles } from '${join(import.meta.dirname, 'test-run.ts')}';
    const files = ['${file}'];
    closeTally([await runTestFiles({ files, concurrency: 1, timeoutMs: 5_000, runLimitMs: 8_000 })]);`;
  writeFileSync(runner, script);
  const env = { ...process.env };
  // Set inside a test file; node:test would run no files in there.
  delete env.NODE_TEST_CONTEXT;
  const said = spawnSync(process.execPath, [runner], { env, encoding: 'utf8', timeout: 60_000 });
  assert.equal(said.status, 1, said.stderr);
  assert.match(said.stdout, /left-open\.test\.mjs[\s\S]*ended after 8 s[\s\S]*\n1 passed, 1 failed\n$/);
});

test('a run elsewhere that ends without its closing line has lost its tests, which is a failure', () => {
  assert.deepEqual(readTally('✔ one\n\n3 passed, 1 failed\n'), { passed: 3, failed: 1 });
  assert.deepEqual(readTally('✔ one\n3 passed, 0 failed\nKilled\n'), { passed: 0, failed: 1 });
  assert.deepEqual(readTally(''), { passed: 0, failed: 1 });
});
