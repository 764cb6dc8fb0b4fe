import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOST } from './addresses.ts';
import { makeHome } from './home.ts';
import { postgresPart, preparePostgres } from './postgres.ts';
import { readSettings, valueOf } from './settings.ts';
import { Supervisor } from './supervisor.ts';

export type TestDatabase = {
  /** Connection string of the superuser, to the database `postgres`. */
  readonly url: string;
  /** Stops the server and deletes its files. */
  readonly close: () => Promise<void>;
};

/** Starts one PostgreSQL server of its own, on a free port and in a folder of its own, for tests that make databases in it. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const home = await mkdtemp(join(tmpdir(), 'sagamart-test-'));
  // PostgreSQL's user, where that is not us, passes through.
  await chmod(home, 0o711);
  const port = await freePort();
  const settings = readSettings({ ...process.env, SAGAMART_HOME: home, ORDER_DB_PORT: String(port) });
  makeHome(settings.home);
  preparePostgres(settings);
  const supervisor = new Supervisor([postgresPart(settings, 'order')], settings.home);
  await supervisor.start();
  return {
    url: `postgres://postgres:${encodeURIComponent(valueOf(settings, 'POSTGRES_SUPERUSER_PASSWORD'))}@${HOST}:${port}/postgres`,
    close: async () => {
      await supervisor.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
