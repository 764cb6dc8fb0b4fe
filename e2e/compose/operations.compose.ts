import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { composeShop } from '@sagamart/stack/compose/compose-shop';
import { docker } from '@sagamart/stack/compose/docker';
import { serviceNames } from '@sagamart/contracts/topics';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { repositoryRoot } from './compose-file.ts';
import {
  compose,
  enterByTheDoor,
  inspectProject,
  inspectService,
  ownServices,
  projectName,
  refusalOf,
} from './compose-project.ts';

const up = ['up', '--wait', '--no-build'];
const laterUpMaxMs = 60_000;
const stopMaxMs = 10_000;
const recoveryMs = 90_000;
const decisionMs = 120_000;
const sku = 'MUG-STONE-BLUE';

const client = enterByTheDoor();

test('up on a shop that is up is quick and changes nothing', async () => {
  const before = await running();
  const began = Date.now();
  await compose(...up);
  assert.ok(Date.now() - began < laterUpMaxMs, `took ${Date.now() - began} ms`);
  assert.deepEqual(await running(), before);
});

test('a service that crashes with an order in flight comes back by itself, and the order is decided', async () => {
  const { RestartCount } = await inspectService('payment');
  const order = await placeOrder();
  await crash('payment');
  const isBack = async () => (await inspectService('payment')).RestartCount > RestartCount;
  await waitUntil('payment is restarted', isBack, recoveryMs);
  await waitUntilHealthy('payment');
  assert.equal(await decided(order), 'confirmed');
});

test('Kafka and a database that crash come back by themselves, and orders go on', async () => {
  await crash('kafka');
  await crash('order-db');
  await waitUntilHealthy('order-db', 'kafka', 'connect', 'connector-watch', ...serviceNames);
  assert.equal(await decided(await placeOrder()), 'confirmed');
});

test('a new image of one service replaces that container and no other', async () => {
  const before = await running();
  const { Image, Config } = await inspectService('notification');
  rebuild(Config.Image);
  try {
    await compose(...up);
    assert.deepEqual(changes(before, await running()), ['notification']);
  } finally {
    await docker(['tag', Image, Config.Image]);
  }
});

test('a port that was changed moves the gateway, and no other container', async () => {
  const before = await running();
  const port = process.env.GATEWAY_PORT;
  process.env.GATEWAY_PORT = await freePort();
  try {
    await compose(...up);
    assert.equal((await enterByTheDoor(process.env.GATEWAY_PORT).call('GET', '/readyz')).status, 200);
  } finally {
    process.env.GATEWAY_PORT = port;
  }
  // notification: the image it had before the last test.
  assert.deepEqual(changes(before, await running()), ['gateway', 'notification']);
  await compose(...up);
});

test('a taken port is told with its number', async () => {
  const refusal = await refusalOf('run', '--rm', '--no-deps', '--service-ports', 'gateway', 'node', '--version');
  assert.match(refusal, new RegExp(`127\\.0\\.0\\.1:${process.env.GATEWAY_PORT ?? 8080}.*already allocated`));
});

test('SIGTERM stops each of our containers in ten seconds, and no order in flight is lost; down and up keeps all of it', async () => {
  const session = await client.openSession();
  const orders = await Promise.all(Array.from({ length: 20 }, () => placeOrder(session)));
  const stops = await Promise.all(
    ownServices.map(async (service) => {
      const { Id } = await inspectService(service);
      const began = Date.now();
      await docker(['stop', '--timeout', String(stopMaxMs / 1_000), Id]);
      return { service, ms: Date.now() - began, code: (await inspectService(service)).State.ExitCode };
    }),
  );
  console.log(stops.map(({ service, ms, code }) => `${service} ${ms} ms (${code})`).join(', '));
  for (const { service, ms, code } of stops)
    assert.ok(ms <= stopMaxMs && [0, 143].includes(code), `${service} took ${ms} ms and ended with ${code}`);
  await compose('down');
  assert.equal((await inspectProject()).size, 0);
  const began = Date.now();
  await compose(...up);
  console.log(`up after down: ${Date.now() - began} ms`);
  for (const order of orders) assert.notEqual(await decided(order), 'pending');
  booksBalance();
});

test('after a restart of everything the shop is healthy and takes orders', async () => {
  await compose('restart');
  await compose(...up);
  assert.equal(await decided(await placeOrder()), 'confirmed');
});

test('down with volumes leaves nothing behind', async () => {
  await compose('--profile', '*', 'down', '--volumes');
  const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${projectName}`];
  for (const kind of [
    ['ps', '--all'],
    ['volume', 'ls'],
    ['network', 'ls'],
  ])
    assert.equal(await docker([...kind, ...filter]), '', kind.join(' '));
});

type Order = { orderId: string; token: string };

async function placeOrder(session?: { token: string }): Promise<Order> {
  const { token } = session ?? (await client.openSession({ email: 'compose@example.com' }));
  const answer = await client.call('POST', '/v1/orders', {
    token,
    headers: { 'idempotency-key': randomUUID() },
    body: { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa', email: 'compose@example.com' },
  });
  assert.equal(answer.status, 202, answer.text);
  return { token, orderId: (answer.body as { orderId: string }).orderId };
}

async function decided({ orderId, token }: Order): Promise<string> {
  let status = 'pending';
  await waitUntil(
    `order ${orderId} is decided`,
    async () => {
      const answer = await client.call('GET', `/v1/orders/${orderId}`, { token }).catch(() => null);
      status = answer?.status === 200 ? (answer.body as { status: string }).status : 'pending';
      return status !== 'pending';
    },
    decisionMs,
  );
  return status;
}

function crash(service: string): Promise<void> {
  return composeShop(projectName).actOnPart(service, 'kill', { leave: false, withinMs: recoveryMs });
}

async function waitUntilHealthy(...services: string[]): Promise<void> {
  await waitUntil(
    `${services.join(', ')} healthy`,
    async () => {
      const found = await inspectProject();
      return services.every((service) => found.get(service)?.State.Health?.Status === 'healthy');
    },
    recoveryMs,
  );
}

/** Which container each service has, and since when. One-shots run again at every `up` and do not count. */
async function running(): Promise<Map<string, string>> {
  const found = [...(await inspectProject())].filter(([, { State }]) => State.Status === 'running');
  return new Map(found.map(([service, { Id, State }]) => [service, `${Id} since ${State.StartedAt}`]));
}

function changes(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...after.keys()].filter((service) => before.get(service) !== after.get(service)).toSorted();
}

function rebuild(image: string): void {
  const dockerfile = `FROM ${image}\nLABEL rebuilt=${randomUUID()}\n`;
  const built = spawnSync('docker', ['build', '--quiet', '--tag', image, '-'], { input: dockerfile, encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
}

function booksBalance(): void {
  const audit = join(repositoryRoot, 'packages/auditor/src/cli.ts');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [audit, '--wait-seconds', '75', '--target', 'compose'],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, `${stdout}${stderr}`);
}

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(typeof address === 'object' ? address?.port : '');
}
