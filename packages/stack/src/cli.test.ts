import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { controlSocket } from './home.ts';
import { freshHome } from './stack-test-kit.ts';

const endsWithinMs = 15_000;

test(
  'a command whose supervisor hangs says so within seconds and ends at its limit',
  { timeout: 30_000 },
  async (t) => {
    const home = freshHome(t);
    const deaf = createServer(() => undefined).listen(controlSocket(home));
    await once(deaf, 'listening');
    t.after(() => {
      deaf.close();
      deaf.closeAllConnections();
    });
    const { code, said } = await run(home, 'stop', 'order', '--wait', '2');
    assert.equal(code, 1, said);
    assert.match(said, /waits for the supervisor, which does not answer/);
    assert.match(said, /The supervisor of .* ended or hangs/);
  },
);

test('a limit that is none is refused', { timeout: 30_000 }, async (t) => {
  const { code, said } = await run(freshHome(t), 'stop', 'order', '--wait', 'soon');
  assert.equal(code, 1);
  assert.match(said, /--wait is 'soon'; expected a number of seconds above 0/);
});

function run(home: string, ...args: string[]): Promise<{ code: number; said: string }> {
  const env = { ...process.env, SAGAMART_HOME: home, SAGAMART_TARGET: 'native' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, 'cli.ts'), ...args],
      { env, timeout: endsWithinMs },
      (error, out, err) => resolve({ code: Number(error?.code ?? (error === null ? 0 : -1)), said: out + err }),
    );
  });
}
