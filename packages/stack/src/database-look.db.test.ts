import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { databaseUrl } from './addresses.ts';
import { judgeDatabase, lookAtDatabase } from './database-look.ts';
import { readSettings, type Settings } from './settings.ts';
import { openTestServers, type TestServers } from './test-servers.ts';

let servers: TestServers;
let settings: Settings;
const connections: Client[] = [];

before(async () => {
  servers = await openTestServers({ withKafka: false, signal: new AbortController().signal });
  const { port } = new URL(servers.env.TEST_POSTGRES_URL ?? '');
  settings = readSettings({ ...process.env, ORDER_DB_PORT: port });
});
after(async () => {
  await Promise.all(connections.map((client) => client.end()));
  await servers.close();
});

const look = () => lookAtDatabase(settings, 'order');

test('a database that nobody holds up has nothing to say', async () => {
  assert.deepEqual(await look(), { state: 'running', words: [] });
});

test('a lock that somebody keeps is told with its pid, who waits for it, and the command that ends it', async () => {
  const [holder, waiter] = [await connect('owner', 'report'), await connect('owner', 'order')];
  await holder.query(
    'begin; set local idle_in_transaction_session_timeout = 0; lock table inbox in access exclusive mode',
  );
  const waiting = waiter.query('select from inbox').catch(() => undefined);
  // Sooner than the 10 s after which it is worth a word.
  const said = await waitUntil('it is told', async () => (await look()).words[0], 15_000);
  assert.match(
    said,
    /^pid \d+ \(report\) has had a transaction open for 1\d s and 1 wait for it: begin; set local .* \(npm run stack -- end-session order \d+\)$/,
  );
  await holder.query('rollback');
  await waiting;
  assert.deepEqual((await look()).words, []);
});

test('a database that takes no writes, and one that takes no more connections, is unhealthy and says so', async () => {
  const superuser = new Client({ connectionString: servers.env.TEST_POSTGRES_URL });
  await superuser.connect();
  connections.push(superuser);
  await superuser.query('alter database order_db set default_transaction_read_only = on');
  assert.deepEqual(await look(), { state: 'unhealthy', words: ['it takes no writes: it is read-only'] });
  await superuser.query('alter database order_db reset default_transaction_read_only');
  await superuser.query('alter role order_auditor connection limit 0');
  assert.deepEqual(await look(), { state: 'unhealthy', words: ['too many connections for role "order_auditor"'] });
  await superuser.query('alter role order_auditor connection limit 20');
  assert.deepEqual((await look()).state, 'running');
});

test('a database whose connections are nearly all taken, or whose clock is off, says so and is not unhealthy for it', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  const state = { isReadOnly: false, connections: 55, connectionsMax: 60, now: new Date('2026-11-21T12:01:00Z') };
  assert.deepEqual(judgeDatabase('order', state, [], now), {
    state: 'running',
    words: ['55 of 60 connections are taken', 'its clock is 60 s ahead'],
  });
});

async function connect(role: 'owner' | 'auditor', name: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl(settings, 'order', role), application_name: name });
  client.on('error', () => undefined);
  await client.connect();
  connections.push(client);
  return client;
}
