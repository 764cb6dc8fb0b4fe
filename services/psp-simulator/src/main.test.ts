import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const apiKey = 'local-only-key-of-this-test';
const startTimeoutMs = 15_000;

function environment(t: TestContext): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'psp-main-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { PORT: '0', LEDGER_FILE: join(folder, 'ledger.sqlite'), PSP_API_KEY: apiKey, SHOP_LOCAL: '1' };
}

function start(t: TestContext, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function addressOf(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout !== null);
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(startTimeoutMs);
  signal.addEventListener('abort', () => lines.close());
  for await (const line of lines) {
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (address !== undefined) return address;
  }
  throw new Error(`expected an address in the log within ${startTimeoutMs} ms`);
}

async function capture(address: string, key: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${address}/v1/captures`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'idempotency-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({ amountMinor: 2980, currency: 'EUR', paymentMethod: 'tok_visa', reference: key }),
  });
  return { status: response.status, text: await response.text() };
}

test('a capture that was answered survives the death of the process, and is answered again with the same bytes', async (t) => {
  const env = environment(t);
  const first = start(t, env);
  const before = await capture(await addressOf(first), 'one');
  assert.equal(before.status, 201);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const after = await capture(await addressOf(start(t, env)), 'one');
  assert.deepEqual(after, before);
});

test('no file of the ledger holds a payment method', async (t) => {
  const env = environment(t);
  await capture(await addressOf(start(t, env)), 'one');
  const folder = dirname(env['LEDGER_FILE'] ?? '');
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  assert.ok(files.some((bytes) => bytes.includes('"captured"')));
  assert.ok(files.every((bytes) => !bytes.includes('tok_visa')));
});

test('SIGTERM ends the process cleanly', async (t) => {
  const child = start(t, environment(t));
  await addressOf(child);
  child.kill('SIGTERM');
  await once(child, 'exit');
  assert.equal(child.exitCode, 0);
});

test('a committed local secret is refused outside of one machine, and the variable is named', async (t) => {
  const { SHOP_LOCAL: _local, ...env } = environment(t);
  const child = start(t, env);
  assert.ok(child.stderr !== null);
  const errors = child.stderr.toArray();
  await once(child, 'exit');
  assert.equal(child.exitCode, 1);
  assert.match(Buffer.concat(await errors).toString(), /PSP_API_KEY/);
});
