import type { ServiceName } from '@sagamart/contracts/topics';
import { Pool, type PoolClient } from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import type { Books, Door } from './books.ts';
import { readDatabases, type Reader } from './database-reader.ts';
import { listStrangers, tryDoors } from './doors.ts';
import { createMailReader, readLedger } from './outside-world.ts';
import { createRestWatch, type RestWatch } from './rest.ts';
import { openTopicReader } from './topic-reader.ts';

/** Where the auditor finds what it compares. The database URLs carry each service's read-only auditor role. */
export type AuditedShop = {
  readonly auditorUrls: Readonly<Record<ServiceName, string>>;
  readonly kafkaBrokers: readonly string[];
  readonly pspUrl: string;
  readonly pspApiKey: string;
  readonly mailUrl: string;
};

export type OpenBooks = {
  /** What stands in the books now. `readers` replaces the way into some databases, for a test that tampers with a row. */
  readonly read: (readers?: Partial<Record<ServiceName, Reader>>) => Promise<Books>;
  /** Resolves when the whole shop is at rest, twice in a row with the same counts, or at the deadline with what it was waiting for. */
  readonly waitUntilAtRest: RestWatch['waitUntilAtRest'];
  /** What keeps the orders and the events of a span of time from being at rest; cheap enough to be asked often, also under load. */
  readonly readUnmet: RestWatch['readUnmet'];
  readonly close: () => Promise<void>;
};

const mailDeadlineMs = 5_000;
const mailPollMs = 50;

/** Connects to everything the books stand in. Topics and mails are remembered between reads, so that reading again is cheap. */
export async function openBooks(shop: AuditedShop): Promise<OpenBooks> {
  const pools = mapServices((service) => openPool(shop.auditorUrls[service]));
  const readMails = createMailReader(shop.mailUrl);
  const topicReader = await openTopicReader(shop.kafkaBrokers);
  const rest = createRestWatch(pools);
  let attempts: Door[] | undefined;

  /** The mail catcher files a mail a moment after it has taken it over, so one that was just sent is waited for. */
  const readMailsOf = async (sent: readonly string[]): Promise<string[]> => {
    const deadline = Date.now() + mailDeadlineMs;
    for (;;) {
      const mails = new Set(await readMails());
      if (sent.every((messageId) => mails.has(messageId)) || Date.now() > deadline) return [...mails];
      await pause(mailPollMs);
    }
  };

  return {
    read: async (replaced = {}) => {
      const snapshots = await Promise.all(serviceNames.map((service) => openSnapshot(pools[service])));
      try {
        const readers = mapServices((service, index) => replaced[service] ?? snapshots[index] ?? pools[service]);
        const databases = await readDatabases(readers);
        const strangers = await Promise.all(serviceNames.map((service) => listStrangers(service, pools[service])));
        attempts ??= await tryDoors(shop.auditorUrls);
        const doors = [...strangers.flat(), ...attempts];
        const [topics, ledger] = await Promise.all([
          topicReader.readToEnd(),
          readLedger({ url: shop.pspUrl, apiKey: shop.pspApiKey }),
        ]);
        const sent = databases.notifications
          .filter(({ status }) => status === 'sent')
          .map(({ messageId }) => messageId);
        return { ...databases, ...topics, ledger, mails: await readMailsOf(sent), doors };
      } finally {
        await Promise.all(snapshots.map(closeSnapshot));
      }
    },
    waitUntilAtRest: rest.waitUntilAtRest,
    readUnmet: rest.readUnmet,
    close: async () => {
      await topicReader.close();
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}

const serviceNames: readonly ServiceName[] = ['order', 'inventory', 'payment', 'notification'];

function mapServices<T>(make: (service: ServiceName, index: number) => T): Record<ServiceName, T> {
  return {
    order: make('order', 0),
    inventory: make('inventory', 1),
    payment: make('payment', 2),
    notification: make('notification', 3),
  };
}

function openPool(connectionString: string): Pool {
  const pool = new Pool({ connectionString, application_name: 'auditor', max: 3, connectionTimeoutMillis: 5_000 });
  // A connection that breaks while idle is replaced; the next query tells if the database is gone.
  pool.on('error', () => undefined);
  return pool;
}

async function openSnapshot(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect();
  await client.query('begin isolation level repeatable read read only');
  return client;
}

async function closeSnapshot(client: PoolClient): Promise<void> {
  await client.query('rollback').then(
    () => client.release(),
    (error: unknown) => client.release(error instanceof Error ? error : true),
  );
}
