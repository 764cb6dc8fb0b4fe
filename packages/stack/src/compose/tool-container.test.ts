import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { type FromContainer, receive, send } from './tool-stream.ts';

type Container = ChildProcessByStdio<Writable, Readable, null>;

/** The main process of a tool's container, without one, running this script as its tool. */
function startTool(t: TestContext, script: string): Container {
  const folder = mkdtempSync(join(tmpdir(), 'sagamart-tool-'));
  // As root a home is refused that PostgreSQL's user could not reach.
  chmodSync(folder, 0o711);
  const program = join(folder, 'tool.ts');
  writeFileSync(program, script);
  const container = spawn(process.execPath, [join(import.meta.dirname, 'tool-container.ts'), program], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.after(() => {
    container.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return container;
}

async function nextOf<Kind extends FromContainer['kind']>(
  messages: AsyncGenerator<FromContainer>,
  kind: Kind,
): Promise<Extract<FromContainer, { kind: Kind }>> {
  for (;;) {
    const { value, done } = await messages.next();
    assert.ok(done !== true, `the container ended before it said ${kind}`);
    if (value.kind === kind) return value as Extract<FromContainer, { kind: Kind }>;
  }
}

const shopModule = join(import.meta.dirname, '../shop.ts');
const waiting = `process.on('SIGINT', () => process.exit(3)); setInterval(() => {}, 1_000); console.log('waits');`;

test(
  'a tool finds the shop, and what it asks of a part is asked of whoever started it',
  { timeout: 20_000 },
  async (t) => {
    const container = startTool(
      t,
      `import { controlPart, findShop } from '${shopModule}';
     const shop = await findShop();
     await controlPart(shop.home, 'order', 'kill');
     await controlPart(shop.home, 'nobody', 'stop').catch(({ code }) => console.log(code));
     process.exitCode = 2;`,
    );
    const messages = receive<FromContainer>(container.stdout, (line) => assert.fail(line));
    const kill = await nextOf(messages, 'question');
    assert.equal(kill.path.split('?')[0], '/parts/order/kill');
    send(container.stdin, { kind: 'answer', id: kill.id, status: 200, body: { done: true } });
    const stop = await nextOf(messages, 'question');
    const refusal = { code: 'no_such_part', message: 'There is no part nobody.' };
    send(container.stdin, { kind: 'answer', id: stop.id, status: 409, body: refusal });
    assert.deepEqual(await nextOf(messages, 'output'), { kind: 'output', to: 'stdout', text: 'no_such_part\n' });
    assert.equal((await nextOf(messages, 'ended')).code, 2);
  },
);

test('a tool hears the signal that was meant for it', { timeout: 20_000 }, async (t) => {
  const container = startTool(t, waiting);
  const messages = receive<FromContainer>(container.stdout, (line) => assert.fail(line));
  await nextOf(messages, 'output');
  send(container.stdin, { kind: 'signal', signal: 'SIGINT' });
  assert.equal((await nextOf(messages, 'ended')).code, 3);
});

test(
  'a tool whose starter is gone can put right what it was about, then it ends, and its container with it',
  { timeout: 20_000 },
  async (t) => {
    const container = startTool(
      t,
      `process.on('SIGTERM', () => { console.log('put right'); process.exit(0); }); setInterval(() => {}, 1_000); console.log('waits');`,
    );
    const messages = receive<FromContainer>(container.stdout, (line) => assert.fail(line));
    await nextOf(messages, 'output');
    container.stdin.end();
    assert.equal((await nextOf(messages, 'output')).text, 'put right\n');
    await once(container, 'exit');
  },
);
