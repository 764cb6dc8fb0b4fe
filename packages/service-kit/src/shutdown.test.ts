import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

/** Runs a program that closes a and b, and sends it a signal once it says that it is up. */
async function run(closeA: string, closeB: string, signal: NodeJS.Signals) {
  const source = `
    import { closeOnSignal } from '${new URL('./shutdown.ts', import.meta.url).href}';
    import { createLogger } from '${new URL('../../telemetry/src/logger.ts', import.meta.url).href}';
    closeOnSignal(createLogger({ service: 'test', level: 'info' }), [
      { name: 'a', close: async () => { console.log('closing a'); ${closeA} } },
      { name: 'b', close: async () => { console.log('closing b'); ${closeB} } },
    ]);
    setInterval(() => {}, 1_000);
    console.log('up');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { cwd: new URL('..', import.meta.url) });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output === 'up\n') child.kill(signal);
  });
  // Not 'exit': what it wrote last may still be on its way then.
  const closed: unknown[] = await once(child, 'close');
  const steps = output.split('\n').filter((line) => line.startsWith('closing '));
  return { code: closed[0], steps, output };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`on ${signal} everything is closed in order and the process leaves with 0`, async () => {
    const { code, steps } = await run('', '', signal);
    assert.deepEqual([code, steps], [0, ['closing a', 'closing b']]);
  });
}

test('what fails to close, or never closes, does not keep the rest from closing', async () => {
  const failing = await run(`throw new Error('no');`, '', 'SIGTERM');
  assert.deepEqual([failing.code, failing.steps], [1, ['closing a', 'closing b']]);
  const hanging = await run('await new Promise(() => {});', '', 'SIGTERM');
  assert.deepEqual([hanging.code, hanging.steps], [1, ['closing a', 'closing b']]);
  assert.match(hanging.output, /"part":"a".*still closing after 5000 ms/);
});
