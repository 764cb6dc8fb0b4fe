import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readProcess } from '@sagamart/stack/process-table';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { readTally } from './test-run.ts';

/** Runs a program that may call `runFile` for a test file of this source. */
async function runProgram(
  t: TestContext,
  {
    testFile,
    program,
    onOutput,
  }: {
    testFile: string;
    program: string;
    onOutput?: (text: string, child: ChildProcessWithoutNullStreams) => void;
  },
) {
  const folder = mkdtempSync(join(tmpdir(), 'sagamart-test-run-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'left-open.test.mjs');
  writeFileSync(file, testFile);
  const runner = join(folder, 'runner.ts');
  writeFileSync(
    runner,
    `
    import { closeOnSignal } from '${join(import.meta.dirname, 'close-on-signal.ts')}';
    import { closeTally, runTestFiles } from '${join(import.meta.dirname, 'test-run.ts')}';
    const runFile = () => runTestFiles({ files: ['${file}'], concurrency: 1, timeoutMs: 5_000, runLimitMs: 8_000 });
    ${program}`,
  );
  const env = { ...process.env };
  // Set inside a test file; node:test would run no files in there.
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, [runner], { env, timeout: 60_000 });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onOutput?.(text, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // Not 'exit': what it wrote last may still be on its way then.
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

test('a test file that leaves something open is ended, counted as failed and named', async (t) => {
  const said = await runProgram(t, {
    testFile: `import { test } from 'node:test';\ntest('passes', () => void setInterval(() => {}, 1_000));\n`,
    program: `closeTally([await runFile()]);`,
  });
  assert.equal(said.status, 1, said.stderr);
  assert.match(said.stdout, /left-open\.test\.mjs[\s\S]*ended after 8 s[\s\S]*\n1 passed, 1 failed\n$/);
});

test('a run that is sent signals ends its files, closes what is open and begins nothing more', async (t) => {
  const said = await runProgram(t, {
    testFile: `
      import { test } from 'node:test';
      console.log('this file is process', process.pid);
      test('never ends', () => new Promise(() => setInterval(() => {}, 1_000)));`,
    program: `
      closeOnSignal(async () => {
        console.log('closing');
        for await (const _ of process.stdin) console.log('heard');
        console.log('closed');
      });
      await runFile();
      console.log('went on');`,
    // It closes only after an answer to what was said after the second signal: that signal has had its effect then.
    onOutput: (text, child) => {
      if (/process \d+|closing/.test(text)) child.kill();
      if (text.includes('closing')) child.stdin.write('.');
      if (text.includes('heard')) child.stdin.end();
    },
  });
  assert.equal(said.status, 1, said.stderr);
  assert.deepEqual(said.stdout.match(/closing|closed|went on/g), ['closing', 'closed']);
  const [, pid] = /this file is process (\d+)/.exec(said.stdout) ?? [];
  await waitUntil('the test file to end', () => readProcess(Number(pid)) === undefined);
});

test('a run elsewhere that ends without its closing line has lost its tests, which is a failure', () => {
  assert.deepEqual(readTally('✔ one\n\n3 passed, 1 failed\n'), { passed: 3, failed: 1 });
  assert.deepEqual(readTally('✔ one\n3 passed, 0 failed\nKilled\n'), { passed: 0, failed: 1 });
  assert.deepEqual(readTally(''), { passed: 0, failed: 1 });
});
