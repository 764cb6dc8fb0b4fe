import { setTimeout as pause } from 'node:timers/promises';
import { serviceNames, type ServiceName } from '@sagamart/contracts/topics';
import { Pool } from 'pg';
import { readBacklog, type Span } from './backlog.ts';
import type { Books, Door, MovementRow } from './books.ts';
import { readMovements, readStock, type Reader } from './database-reader.ts';
import { listStrangers, tryDoors } from './doors.ts';
import type { JudgeOptions } from './judged-orders.ts';
import { createLook, type Verdict } from './look.ts';
import { openNotebook, type Moment } from './notebook.ts';
import { createMailReader, isForeignRefund, orderIdOf, readLedger } from './outside-world.ts';
import { atTheStart, mapServices, openReading, type Sources } from './reading.ts';
import { openTopicReader, toTopicRecord } from './topic-reader.ts';

/** Where the auditor finds what it compares. The database URLs carry each service's read-only auditor role. */
export type AuditedShop = {
  readonly auditorUrls: Readonly<Record<ServiceName, string>>;
  readonly kafkaBrokers: readonly string[];
  readonly pspUrl: string;
  readonly pspApiKey: string;
  readonly mailUrl: string;
};

export type OpenBooks = {
  /**
   * Reads what is new and judges the orders that have changed, those at rest by all invariants and the others by what is always true. `accepted` are
   * order ids that clients were given with a 202. What cannot be read is named in the verdict.
   */
  readonly look: (accepted?: Iterable<string>) => Promise<Verdict>;
  /** Looks until nothing is in flight or suspected any more and a look finds nothing new, or until the deadline and what was suspected then is settled. */
  readonly settle: (options: { deadlineMs: number; accepted?: Iterable<string> }) => Promise<Verdict>;
  /** All that stands in the books now, in memory: for a small shop. `readers` replaces the way into a database, for a test that tampers with a row. */
  readonly read: (readers?: Partial<Record<ServiceName, Reader>>) => Promise<Books>;
  /** When each event was said and when it was published, of what looks have noted. */
  readonly moments: () => Iterable<Moment>;
  /** What keeps the orders and the events of a span of time from being at rest; cheap enough to be asked often, also under load. */
  readonly readUnmet: (span: Span) => Promise<string[]>;
  readonly close: () => Promise<void>;
};

const pollMs = 100;
const defaults: JudgeOptions = { settleMs: 60_000, provenAfterMs: 5_000 };

/** Connects to everything the books stand in. What is only ever added to is read once, so that looking again is cheap. */
export async function openBooks(shop: AuditedShop, options: Partial<JudgeOptions> = {}): Promise<OpenBooks> {
  const chosen = { ...defaults, ...options };
  const pools = mapServices((service) => openPool(shop.auditorUrls[service]));
  const notebook = openNotebook();
  const topicReader = await openTopicReader(shop.kafkaBrokers, (topic, partition, messages) =>
    notebook.note(
      'records',
      messages.map((message) => toTopicRecord(topic, partition, message)),
    ),
  );
  const readMails = createMailReader(shop.mailUrl);
  const provider = { url: shop.pspUrl, apiKey: shop.pspApiKey };
  let ledgerRead = 0;
  const sources: Sources = {
    pools,
    notebook,
    readTopics: topicReader.readToEnd,
    unreadable: topicReader.unreadable,
    noteLedger: async () => {
      for await (const entries of readLedger(provider, ledgerRead)) {
        const ours = entries.filter((entry) => !isForeignRefund(entry));
        notebook.note(
          'ledger',
          ours.map((entry) => ({ ...entry, orderId: orderIdOf(entry) })),
        );
        notebook.note(
          'ledger',
          entries.filter(isForeignRefund).map((entry) => ({
            ...entry,
            orderId: notebook.orderOfCapture(entry.captureId ?? '') ?? orderIdOf(entry),
          })),
        );
        ledgerRead = entries.at(-1)?.sequence ?? ledgerRead;
      }
    },
    noteMails: async () => notebook.note('mails', await readMails()),
  };
  const progress = atTheStart();
  const lookOnce = createLook(sources, { ...chosen, progress });
  let attempts: Door[] | undefined;
  const look = (accepted: Iterable<string> = []) =>
    lookOnce({ accepted, tryDoors: async () => (attempts ??= await tryDoors(shop.auditorUrls)) });

  return {
    look,
    settle: async ({ deadlineMs, accepted }) => {
      const deadline = Date.now() + deadlineMs;
      let provenAtMs = Infinity;
      for (;;) {
        const verdict = await look(accepted);
        const { inFlight, suspected, unread, changed } = verdict;
        const isCalm = suspected.length === 0 && unread.length === 0;
        if (isCalm && inFlight.length === 0 && changed === 0) return verdict;
        const nowMs = Date.now();
        if (nowMs > provenAtMs || (nowMs > deadline && isCalm)) return verdict;
        if (nowMs > deadline) provenAtMs = Math.min(provenAtMs, nowMs + chosen.provenAfterMs);
        await pause(pollMs);
      }
    },
    read: async (readers) => {
      restart();
      const reading = await openReading(sources, progress, readers);
      try {
        const [unread] = reading.unread;
        const { inventory } = reading.snapshots;
        if (unread !== undefined || inventory === undefined) throw new Error(`The books could not be read: ${unread}`);
        const books = await reading.booksOf(notebook.takeTouched());
        const movements: MovementRow[] = [];
        for await (const rows of readMovements(inventory, new Map())) movements.push(...rows);
        const strangers = await Promise.all(serviceNames.map((service) => listStrangers(service, pools[service])));
        const doors = [...(await tryDoors(shop.auditorUrls)), ...strangers.flat()];
        return { ...books, movements, stock: await readStock(inventory), doors };
      } finally {
        await reading.close();
        restart();
      }
    },
    moments: () => notebook.moments(),
    readUnmet: (span) => readBacklog(pools, span),
    close: async () => {
      await topicReader.close();
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
      notebook.close();
    },
  };

  /** Databases are read from their start again: one of them may have been tampered with. */
  function restart(): void {
    notebook.forgetDatabases();
    Object.assign(progress, atTheStart());
  }
}

function openPool(connectionString: string): Pool {
  const pool = new Pool({
    connectionString,
    application_name: 'auditor',
    max: 3,
    connectionTimeoutMillis: 5_000,
    // A server that froze would keep a look waiting for ever.
    query_timeout: 60_000,
  });
  // A connection that breaks is replaced; the next query tells if the database is gone.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
