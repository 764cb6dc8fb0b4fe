import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { before, test } from 'node:test';
import { docker } from '@sagamart/stack/compose/docker';
import { inspectProject, projectName, type Inspected } from './compose-project.ts';

const walledPorts: Record<string, number> = {
  'order-db': 5432,
  'inventory-db': 5432,
  'payment-db': 5432,
  'notification-db': 5432,
  kafka: 9092,
  connect: 8083,
  redis: 6379,
  order: 3001,
  inventory: 3002,
  payment: 3003,
  notification: 3004,
  psp: 3005,
};
const seen: Record<string, number> = { gateway: 8080, mail: 1080, jaeger: 16686, prometheus: 9090, grafana: 3000 };

let containers: Map<string, Inspected>;
before(async () => {
  containers = await inspectProject();
});

test('a container on the edge reaches the gateway, and by no name or address what holds data', async () => {
  const walled = Object.entries(walledPorts).flatMap(([service, port]) =>
    [service, ...addressesOf(service)].map((host) => `${host}:${port}`),
  );
  assert.ok(walled.length > Object.keys(walledPorts).length * 2, `knows only ${walled.join(', ')}`);
  assert.deepEqual(await reachableFrom('edge', ['gateway:8080', ...walled]), ['gateway:8080']);
});

test('a container beside the services reaches no database, no Kafka and no Connect', async () => {
  const data = Object.entries(walledPorts).filter(([service]) => /-db$|^kafka$|^connect$/.test(service));
  const walled = data.flatMap(([service, port]) => addressesOf(service).map((host) => `${host}:${port}`));
  assert.deepEqual(await reachableFrom('app', ['order:3001', ...walled]), ['order:3001']);
});

test('only what one looks at is published, and only on 127.0.0.1', async () => {
  const others = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal);
  for (const [service, { HostConfig }] of containers) {
    for (const [port, bindings] of Object.entries(HostConfig.PortBindings)) {
      assert.equal(port, `${seen[service]}/tcp`, service);
      for (const { HostIp, HostPort } of bindings) {
        assert.equal(HostIp, '127.0.0.1', service);
        for (const { address } of others)
          assert.equal(await isOpen(address, Number(HostPort)), false, `${service} answers on ${address}:${HostPort}`);
      }
    }
  }
});

function addressesOf(service: string): string[] {
  const container = containers.get(service);
  return Object.values(container?.NetworkSettings.Networks ?? {}).map(({ IPAddress }) => IPAddress);
}

async function reachableFrom(network: string, addresses: string[]): Promise<string[]> {
  const tries = `
    const { connect } = require('node:net');
    for (const address of process.argv.slice(1)) {
      const [host, port] = address.split(':');
      const socket = connect({ host, port: Number(port), timeout: 3_000 });
      socket.on('connect', () => { console.log(address); socket.destroy(); });
      socket.on('timeout', () => socket.destroy()).on('error', () => {});
    }`;
  const image = containers.get('connector-watch')?.Image ?? '';
  const run = ['run', '--rm', '--read-only', '--cap-drop', 'ALL', '--network', `${projectName}_${network}`, image];
  return (await docker([...run, 'node', '--eval', tries, ...addresses])).split('\n').filter(Boolean);
}

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: 1_000 });
  const opened = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'timeout').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
}
