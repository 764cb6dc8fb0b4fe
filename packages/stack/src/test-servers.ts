import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOST, kafkaBroker } from './addresses.ts';
import { makeHome } from './home.ts';
import { kafkaPart } from './kafka.ts';
import { postgresPart, preparePostgres } from './postgres.ts';
import { readSettings, valueOf } from './settings.ts';
import { Supervisor } from './supervisor.ts';

export type TestServers = {
  /** Where tests find the servers: TEST_POSTGRES_URL, a superuser's, and TEST_KAFKA_BROKERS where Kafka was asked for. */
  readonly env: Readonly<Record<string, string>>;
  /** Stops the servers and deletes their files. */
  readonly close: () => Promise<void>;
};

/** Starts PostgreSQL, and Kafka if asked, on free ports and in a folder of their own, for tests that make databases and topics in them. */
export async function openTestServers({
  withKafka,
  signal,
}: {
  withKafka: boolean;
  /** Gives the opening up when it aborts; nothing is left then. */
  signal: AbortSignal;
}): Promise<TestServers> {
  const home = await mkdtemp(join(tmpdir(), 'sagamart-test-'));
  // PostgreSQL's user, where that is not us, passes through.
  await chmod(home, 0o711);
  const settings = readSettings({
    ...process.env,
    SAGAMART_HOME: home,
    ORDER_DB_PORT: await freePort(),
    KAFKA_PORT: await freePort(),
    KAFKA_CONTROLLER_PORT: await freePort(),
  });
  makeHome(settings.home);
  preparePostgres(settings);
  const parts = [postgresPart(settings, 'order'), ...(withKafka ? [kafkaPart(settings)] : [])];
  const supervisor = new Supervisor(parts, settings.home);
  const close = async () => {
    await supervisor.stop();
    rmSync(home, { recursive: true, force: true });
  };
  signal.addEventListener('abort', () => void supervisor.stop());
  try {
    await supervisor.start();
  } catch (error) {
    await close();
    throw error;
  }
  const password = encodeURIComponent(valueOf(settings, 'POSTGRES_SUPERUSER_PASSWORD'));
  return {
    env: {
      TEST_POSTGRES_URL: `postgres://postgres:${password}@${HOST}:${settings.ports.ORDER_DB_PORT}/postgres`,
      ...(withKafka ? { TEST_KAFKA_BROKERS: kafkaBroker(settings) } : {}),
    },
    close,
  };
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<string> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return String(port);
}
