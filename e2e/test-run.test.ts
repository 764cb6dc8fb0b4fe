import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readTally } from './test-run.ts';

/** Runs a program that may call `runFile` for a test file of this source, and sends it SIGTERM whenever it prints one of `signalAfter`. */
async function runProgram(
  t: TestContext,
  { testFile, program, signalAfter }: { testFile: string; program: string; signalAfter?: RegExp },
) {
  const folder = mkdtempSync(join(tmpdir(), 'sagamart-test-run-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'written.test.mjs');
  writeFileSync(file, testFile);
  const runner = join(folder, 'runner.ts');
  writeFileSync(
    runner,
    `
    import { closeOnSignal } from '${join(import.meta.dirname, 'close-on-signal.ts')}';
    import { closeTally, runTestFiles } from '${join(import.meta.dirname, 'test-run.ts')}';
    const runFile = () => runTestFiles({ files: ['${file}'], concurrency: 1, timeoutMs: 60_000, runLimitMs: 8_000 });
    ${program}`,
  );
  const env = { ...process.env };
  // Set inside a test file; node:test would run no files in there.
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, [runner], { env, timeout: 60_000 });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (signalAfter?.test(chunk.toString())) child.kill();
  });
  // Not 'exit': what it wrote last may still be on its way then.
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout };
}

test('a test file that leaves something open is ended, counted as failed and named', async (t) => {
  const said = await runProgram(t, {
    testFile: `import { test } from 'node:test';\ntest('passes', () => void setInterval(() => {}, 1_000));\n`,
    program: `closeTally([await runFile()]);`,
  });
  assert.equal(said.status, 1);
  assert.match(said.stdout, /written\.test\.mjs[\s\S]*ended after 8 s[\s\S]*\n1 passed, 1 failed\n$/);
});

test('a run that is sent signals ends its files, closes what is open and begins nothing more', async (t) => {
  const said = await runProgram(t, {
    testFile: `
      import { test } from 'node:test';
      import { setTimeout as delay } from 'node:timers/promises';
      console.log('this file is process', process.pid);
      test('waits for long', () => delay(50_000));`,
    program: `
      import { setTimeout as delay } from 'node:timers/promises';
      closeOnSignal(async () => { console.log('closing'); await delay(500); console.log('closed'); });
      await runFile();
      console.log('went on');`,
    signalAfter: /process \d+|closing/,
  });
  assert.equal(said.status, 1);
  assert.deepEqual(said.stdout.match(/closing|closed|went on/g), ['closing', 'closed']);
  const [, pid] = /this file is process (\d+)/.exec(said.stdout) ?? [];
  assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' });
});

test('a run elsewhere that ends without its closing line has lost its tests, which is a failure', () => {
  assert.deepEqual(readTally('✔ one\n\n3 passed, 1 failed\n'), { passed: 3, failed: 1 });
  assert.deepEqual(readTally('✔ one\n3 passed, 0 failed\nKilled\n'), { passed: 0, failed: 1 });
  assert.deepEqual(readTally(''), { passed: 0, failed: 1 });
});
