import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { readOutboxSlot } from '@sagamart/service-kit/outbox-slot';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { databaseUrl } from './addresses.ts';
import { endSession, readRows } from './database-commands.ts';
import { healOutbox } from './heal.ts';
import { readSettings, type Settings } from './settings.ts';
import { openTestServers, type TestServers } from './test-servers.ts';

// A server of its own: whoever makes a slot waits for all of a server.
let servers: TestServers;
let settings: Settings;
let environment: NodeJS.ProcessEnv;
const connect = fakeConnect();

before(async () => {
  servers = await openTestServers({ withKafka: false, signal: new AbortController().signal });
  const { port } = new URL(servers.env.TEST_POSTGRES_URL ?? '');
  environment = {
    ...process.env,
    ORDER_DB_PORT: port,
    CONNECT_PORT: await connect.listen(),
    SAGAMART_TARGET: 'native',
  };
  settings = readSettings(environment);
});
after(async () => {
  connect.close();
  await servers.close();
});

test('a healing behind a long transaction says whom it waits for, ends at its limit with what to do, and never stopped the connector', async () => {
  await loseSlot();
  await withLongTransaction(async (pid) => {
    const said: string[] = [];
    const healing = healOutbox(settings, 'order', { waitMs: 3_000, say: (line) => said.push(line) });
    await assert.rejects(healing, (error: Error & { code: string }) => {
      assert.equal(error.code, 'waited_too_long');
      assert.match(error.message, new RegExp(`pid ${pid} \\(report\\).*update debezium_heartbeat`));
      assert.match(error.message, new RegExp(`npm run stack -- end-session order ${pid}`));
      return true;
    });
    const line = new RegExp(
      `^order: making a slot waits for pid ${pid} \\(report\\), whose transaction has been open since 20`,
    );
    assert.match(said[0] ?? '', line);
    assert.deepEqual(connect.asked(), [], 'the connector was left alone');
    const holders = await readRows(
      settings,
      'order',
      "select pid, state from pg_stat_activity where application_name = 'report'",
    );
    assert.deepEqual(holders, [{ pid, state: 'idle in transaction' }]);
    assert.match(await endSession(settings, 'order', String(pid)), new RegExp(`ended ${pid} \\(report: update`));
  });
  await healOutbox(settings, 'order', { say: () => undefined });
  assert.equal((await slot()).state, 'sound');
  assert.equal(connect.state(), 'RUNNING');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const) {
  test(`a healing that is ended by ${signal} while it waits leaves no session, and the next one heals`, async () => {
    await loseSlot();
    await withLongTransaction(async () => {
      const heal = startHealing();
      await heal.says(/waits for pid/);
      heal.kill(signal);
      assert.equal(await heal.code(), signal === 'SIGKILL' ? null : 130);
      await waitUntil('no session of it is left', async () => (await sessionsOf('heal')) === 0);
    });
    assert.equal(connect.state(), 'RUNNING');
    await healOutbox(settings, 'order', { waitMs: 5_000, say: () => undefined });
    assert.equal((await slot()).state, 'sound');
  });
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`a healing that is ended by ${signal} while the connector is stopped lets it go on`, async () => {
    await loseSlot();
    connect.refusesToForget(true);
    try {
      const heal = startHealing();
      await waitUntil(
        'the connector is stopped',
        () => connect.state() === 'STOPPED' && connect.asked().at(-1) === 'DELETE /offsets',
      );
      heal.kill(signal);
      assert.equal(await heal.code(), signal === 'SIGKILL' ? null : 130);
    } finally {
      connect.refusesToForget(false);
    }
    await waitUntil('the connector goes on', () => connect.state() === 'RUNNING');
    await healOutbox(settings, 'order', { waitMs: 5_000, say: () => undefined });
    assert.equal((await slot()).state, 'sound');
  });
}

test('two healings at once: the second says that it waits for the first', async () => {
  await loseSlot();
  await withLongTransaction(async (pid) => {
    const first = startHealing();
    await first.says(/waits for pid/);
    const second = startHealing();
    await second.says(/order: healing waits for pid \d+ \(heal\)/);
    await endSession(settings, 'order', String(pid));
    assert.deepEqual([await first.code(), await second.code()], [0, 0]);
  });
});

test('in containers, where only the owner is at hand, a session of anybody but a superuser can be ended', async () => {
  const { POSTGRES_SUPERUSER_PASSWORD: _unknownThere, ...values } = settings.values;
  const app = new Client({ connectionString: databaseUrl(settings, 'order', 'app'), application_name: 'held' });
  app.on('error', () => undefined);
  await app.connect();
  const { rows } = await app.query<{ pid: number }>('select pg_backend_pid() as pid');
  assert.match(await endSession({ ...settings, values }, 'order', String(rows[0]?.pid)), /ended \d+ \(held: select/);
  await app.end();
});

test('a session that is not there, and a service that is none, are told', async () => {
  await assert.rejects(endSession(settings, 'order', '2147483000'), { code: 'no_such_session' });
  await assert.rejects(endSession(settings, 'order', 'x; drop'), { code: 'bad_pid' });
  await assert.rejects(readRows(settings, 'order', 'delete from outbox'), { code: 'refused', message: /read-only/ });
});

type Healing = {
  readonly says: (words: RegExp) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly code: () => Promise<number | null>;
};

/** `npm run stack -- heal order`, without npm around it. */
function startHealing(): Healing {
  const program = join(import.meta.dirname, 'cli.ts');
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
    process.execPath,
    [program, 'heal', 'order', '--wait', '40'],
    {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  return {
    says: async (words) => void (await waitUntil(`it says ${words}, not: ${said}`, () => words.test(said))),
    kill: (signal) => void child.kill(signal),
    code: async () => (await exited)[0],
  };
}

/** Somebody drops the slot. Debezium makes it again; nobody does here. */
async function loseSlot(): Promise<void> {
  connect.forget();
  await asOwner('order', (owner) =>
    owner.query(`select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'outbox'`),
  );
  assert.equal((await slot()).state, 'missing');
}

function slot() {
  return asOwner('order', readOutboxSlot);
}

async function sessionsOf(name: string): Promise<number> {
  return (await readRows(settings, 'order', `select 1 from pg_stat_activity where application_name = '${name}'`))
    .length;
}

/** Holds what a report that somebody runs by hand would hold, while `run` runs. */
async function withLongTransaction(run: (pid: number) => Promise<void>): Promise<void> {
  await asOwner('report', async (owner) => {
    await owner.query('begin');
    await owner.query(`set local idle_in_transaction_session_timeout = 0`);
    const { rows } = await owner.query<{ pid: number }>('select pg_backend_pid() as pid');
    await owner.query(
      'insert into debezium_heartbeat values (1, now()) on conflict (id) do update set beat_at = now()',
    );
    await owner.query('update debezium_heartbeat set beat_at = now()');
    await run(rows[0]?.pid ?? 0);
    await owner.query('rollback').catch(() => undefined);
  });
}

async function asOwner<T>(name: string, work: (owner: Client) => Promise<T>): Promise<T> {
  const owner = new Client({ connectionString: databaseUrl(settings, 'order', 'owner'), application_name: name });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}

/** Connect as far as a healing knows it, with one connector. */
function fakeConnect() {
  let state = 'RUNNING';
  let isRefusing = false;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/connectors/order-outbox', '');
    if (request.method === 'GET') {
      const tasks = state === 'RUNNING' ? [{ state }] : [];
      return response.end(JSON.stringify({ 'order-outbox': { status: { connector: { state }, tasks } } }));
    }
    asked.push(`${request.method} ${path}`);
    if (path === '/stop') state = 'STOPPED';
    if (path === '/resume') state = 'RUNNING';
    const isRefused = path === '/offsets' && isRefusing;
    return response.writeHead(isRefused ? 409 : 200).end(isRefused ? 'a rebalance is going on' : '');
  });
  return {
    listen: async () => {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const address = server.address();
      return String(typeof address === 'object' ? address?.port : '');
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
    state: () => state,
    asked: () => asked,
    forget: () => void (asked.length = 0),
    refusesToForget: (refuses: boolean) => void (isRefusing = refuses),
  };
}
