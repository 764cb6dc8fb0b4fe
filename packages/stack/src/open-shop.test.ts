import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { controlSocket } from './home.ts';
import { type OpenShop, openShop } from './open-shop.ts';
import type { Part } from './part.ts';
import { findLeftovers } from './process-record.ts';
import { identify, isAlive, type ProcessIdentity } from './process-table.ts';
import { readSettings, type Settings } from './settings.ts';
import { controlPart, findShop, readShopStatus, stopShop } from './shop.ts';
import { endBeforeHome, forever, freshHome, pidOf, shellPart } from './stack-test-kit.ts';

test('a shop can be watched, told what to do and stopped through its home', async (t) => {
  const { shop, settings } = await openInTest(t, [shellPart('order', forever), shellPart('kafka', forever)]);
  await shop.ready;
  assert.equal((await readShopStatus(settings.home)).state, 'running');
  await controlPart(settings.home, 'order', 'stop');
  assert.equal((await readShopStatus(settings.home)).state, 'degraded');
  await controlPart(settings.home, 'order', 'start');
  await controlPart(settings.home, 'kafka', 'kill', { leave: true });
  await assert.rejects(controlPart(settings.home, 'kafka', 'pause'), /npm run stack -- start kafka/);
  assert.equal(await stopShop(settings.home), true);
  assert.deepEqual(readdirSync(join(settings.home, 'run')), []);
  assert.equal(existsSync(controlSocket(settings.home)), false);
  assert.equal(await stopShop(settings.home), false);
});

test('a second start while the shop runs is refused and disturbs nothing', async (t) => {
  const { shop, settings } = await openInTest(t, [shellPart('order', forever)]);
  await shop.ready;
  const pid = pidOf(shop.supervisor, 'order');
  await assert.rejects(openShop(settings, { fresh: true, parts: [] }), {
    code: 'already_running',
    message: /npm run stack -- down/,
  });
  assert.equal(pidOf(shop.supervisor, 'order'), pid);
});

test('a supervisor that ends in the middle of an answer is told from one that does not run', async (t) => {
  const home = freshHome(t);
  await assert.rejects(findShop(home), { code: 'not_running' });
  const server = createServer((socket) => socket.destroy()).listen(controlSocket(home));
  t.after(() => server.close());
  await once(server, 'listening');
  await assert.rejects(findShop(home), { code: 'no_answer', message: /supervisor\.log/ });
});

test('a taken port names the part and the variable, and nothing is started', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const part = shellPart('order', forever, { ports: [{ variable: 'ORDER_PORT', port: address.port }] });
  await assert.rejects(openInTest(t, [part]), {
    code: 'port_taken',
    message: new RegExp(`${address.port} \\(order, ORDER_PORT\\).*SAGAMART_PORT_OFFSET`),
  });
});

test('what a killed supervisor left running is ended by the next start, and only that', async (t) => {
  const home = freshHome(t);
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', supervisorScript], {
    env: { ...process.env, SAGAMART_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: supervisor.stdout }), 'line')) as [string];
  const left = identify(Number(line)) ?? assert.fail('the part has no process');
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  assert.equal(isAlive(left), true);
  assert.deepEqual(findLeftovers(home), ['order']);

  // The same id on record, but of a process that started at another time: someone else's.
  const bystander = spawn('sleep', ['600']);
  t.after(() => bystander.kill());
  const other = identify(bystander.pid ?? 0) ?? assert.fail('the bystander has no process');
  writeFileSync(
    join(home, 'run/payment.json'),
    JSON.stringify({ ...other, startTicks: other.startTicks - 1 } satisfies ProcessIdentity),
  );

  const { shop } = await openInTest(t, [shellPart('order', forever)], home);
  await shop.ready;
  assert.equal(isAlive(left), false);
  assert.equal(isAlive(other), true);
});

test('two starts at the same moment: one opens, the other is told so', async (t) => {
  const home = freshHome(t);
  const tries = await Promise.allSettled([
    openInTest(t, [shellPart('order', forever)], home),
    openInTest(t, [shellPart('order', forever)], home),
  ]);
  assert.deepEqual(tries.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

const supervisorScript = `
  const { openShop } = await import('${join(import.meta.dirname, 'open-shop.ts')}');
  const { readSettings } = await import('${join(import.meta.dirname, 'settings.ts')}');
  const { forever, pidOf, shellPart } = await import('${join(import.meta.dirname, 'stack-test-kit.ts')}');
  const shop = await openShop(readSettings(), { fresh: false, parts: [shellPart('order', forever)] });
  await shop.ready;
  console.log(pidOf(shop.supervisor, 'order'));
`;

async function openInTest(
  t: TestContext,
  parts: readonly Part<string>[],
  home = freshHome(t),
): Promise<{ shop: OpenShop; settings: Settings }> {
  const settings = readSettings({ ...process.env, SAGAMART_HOME: home });
  const shop = await openShop(settings, { fresh: false, parts });
  endBeforeHome(home, () => shop.close());
  return { shop, settings };
}
