import { serviceNames, topicOwners, type ServiceName, type Topic } from '@sagamart/contracts/topics';
import type { Pool, PoolClient } from 'pg';
import type { Books, OrderRow } from './books.ts';
import {
  fromTheStart,
  noteByIds,
  noteDatabase,
  noteKeysOf,
  readOrderRows,
  type DatabaseState,
  type OrderRows,
  type Reader,
} from './database-reader.ts';
import type { Notebook } from './notebook.ts';
import { subscriptions } from './saga-map.ts';

/** Where the auditor reads. What is outside of the databases is noted by these, from where they stopped last time. */
export type Sources = {
  readonly pools: Readonly<Record<ServiceName, Pool>>;
  readonly notebook: Notebook;
  readonly readTopics: () => Promise<Books['topicsHoldFromMs']>;
  readonly unreadable: () => readonly string[];
  readonly noteLedger: () => Promise<void>;
  readonly noteMails: () => Promise<void>;
};

/** One reading of the shop: each database in one snapshot, and after it what stands outside of them. */
export type Reading = {
  /** What could not be read, and why. */
  readonly unread: readonly string[];
  /** The snapshots; a database that could not be read has none. */
  readonly snapshots: Partial<Record<ServiceName, Reader>>;
  readonly hasLedger: boolean;
  readonly inHand: (service: ServiceName) => number;
  /** The books of these keys. What seems to be missing from an outbox or an inbox, or a key's answer, is looked up once more. */
  readonly booksOf: (keys: readonly string[]) => Promise<Books>;
  readonly close: () => Promise<void>;
};

/** Where each database was read up to. */
export type Progress = Record<ServiceName, string>;

export function atTheStart(): Progress {
  return { order: fromTheStart, inventory: fromTheStart, payment: fromTheStart, notification: fromTheStart };
}

/** Notes what is new and keeps the snapshots open. `replaced` is read instead of a snapshot, by a test that tampers with a row. */
export async function openReading(
  sources: Sources,
  progress: Progress,
  replaced: Partial<Record<ServiceName, Reader>> = {},
): Promise<Reading> {
  const { pools, notebook } = sources;
  const unread: string[] = [];
  const attempt = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> =>
    read().catch((error: unknown) => {
      unread.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    });
  const clients: PoolClient[] = [];
  const snapshots: Partial<Record<ServiceName, Reader>> = {};
  const states: Partial<Record<ServiceName, DatabaseState>> = {};
  const readDatabase = async (service: ServiceName): Promise<void> => {
    const reader = replaced[service] ?? (await openSnapshot(pools[service], clients));
    const state = await noteDatabase({ service, reader, fromId: progress[service] }, notebook);
    progress[service] = state.readFromId;
    snapshots[service] = reader;
    states[service] = state;
  };
  await Promise.all(serviceNames.map((service) => attempt(`${service} database`, () => readDatabase(service))));
  const [topicsHoldFromMs, hasLedger] = await Promise.all([
    attempt('topics', sources.readTopics),
    attempt("the provider's ledger", () => sources.noteLedger().then(() => true)),
    attempt('the mail catcher', sources.noteMails),
  ]);

  return {
    unread,
    snapshots,
    hasLedger: hasLedger ?? false,
    inHand: (service) => states[service]?.inHand ?? 0,
    booksOf: async (keys) => {
      const rows = await readOrderRows(snapshots, keys);
      let notes = findNotes(notebook, keys);
      const missing = listMissing(rows, notes);
      if (await lookUp(missing, { ...pools, ...replaced }, notebook)) notes = findNotes(notebook, keys);
      const meant = new Set(keys);
      return {
        ...rows,
        ...notes,
        mails: notes.mails.map(({ messageId }) => messageId),
        messages: mapServices((service) => ({
          outbox: notes.outbox.get(service) ?? [],
          inbox: notes.inbox.get(service) ?? [],
          parked: states[service]?.parked.filter(({ key }) => meant.has(key)) ?? [],
          outboxHoldsFromMs: states[service]?.outboxHoldsFromMs ?? 0,
          inboxHoldsFromMs: states[service]?.inboxHoldsFromMs ?? 0,
        })),
        topicsHoldFromMs: topicsHoldFromMs ?? heldNowhere(),
        stock: [],
        doors: [],
      };
    },
    close: async () => void (await Promise.all(clients.map(closeSnapshot))),
  };
}

function findNotes(notebook: Notebook, keys: readonly string[]) {
  return {
    outbox: Map.groupBy(notebook.find('outbox', keys), ({ service }) => service),
    inbox: Map.groupBy(notebook.find('inbox', keys), ({ service }) => service),
    orderKeys: notebook.find('order_keys', keys),
    records: notebook.find('records', keys),
    ledger: notebook.find('ledger', keys),
    mails: notebook.find('mails', keys),
  };
}

type Missing = {
  readonly outbox: ReadonlyMap<ServiceName, string[]>;
  readonly inbox: ReadonlyMap<ServiceName, string[]>;
  readonly unanswered: readonly OrderRow[];
};

/** The ids that must be in an outbox or an inbox and are not, as far as is noted, and the orders that no key was answered with. */
function listMissing(
  { orders }: OrderRows,
  { outbox, inbox, orderKeys, records }: ReturnType<typeof findNotes>,
): Missing {
  const rows = [...outbox.values()].flat();
  const said = new Set(rows.map(({ id }) => id));
  const answered = new Set(orderKeys.map(({ orderId }) => orderId));
  const unsaid = records.filter(({ id }) => !said.has(id));
  const unheardBy = (service: ServiceName): string[] => {
    const heard = new Set(inbox.get(service)?.map(({ id }) => id));
    const topics: readonly string[] = subscriptions[service];
    return rows.filter(({ id, topic }) => topics.includes(topic) && !heard.has(id)).map(({ id }) => id);
  };
  return {
    outbox: new Map(
      serviceNames.map((service) => [
        service,
        unsaid.filter(({ topic }) => topicOwners[topic as Topic] === service).map(({ id }) => id),
      ]),
    ),
    inbox: new Map(serviceNames.map((service) => [service, unheardBy(service)])),
    unanswered: orders.filter(({ orderId }) => !answered.has(orderId)),
  };
}

/** What is absent may only have been read too early: it is looked up once more before anything is concluded. True when there was anything to look up. */
async function lookUp(
  missing: Missing,
  readers: Readonly<Record<ServiceName, Reader>>,
  notebook: Notebook,
): Promise<boolean> {
  const lookUps = (['outbox', 'inbox'] as const).flatMap((table) =>
    [...missing[table]]
      .filter(([, ids]) => ids.length > 0)
      .map(([service, ids]) => noteByIds({ service, reader: readers[service], table, ids }, notebook)),
  );
  if (missing.unanswered.length > 0) lookUps.push(noteKeysOf(missing.unanswered, readers.order, notebook));
  // A database that is down has been named already; what it could not answer stays missing.
  await Promise.allSettled(lookUps);
  return lookUps.length > 0;
}

export function mapServices<T>(make: (service: ServiceName) => T): Record<ServiceName, T> {
  return {
    order: make('order'),
    inventory: make('inventory'),
    payment: make('payment'),
    notification: make('notification'),
  };
}

function heldNowhere(): Books['topicsHoldFromMs'] {
  return Object.fromEntries(Object.keys(topicOwners).map((topic) => [topic, Infinity])) as Books['topicsHoldFromMs'];
}

async function openSnapshot(pool: Pool, clients: PoolClient[]): Promise<PoolClient> {
  const client = await pool.connect();
  clients.push(client);
  await client.query('begin isolation level repeatable read read only');
  return client;
}

async function closeSnapshot(client: PoolClient): Promise<void> {
  await client.query('rollback').then(
    () => client.release(),
    (error: unknown) => client.release(error instanceof Error ? error : true),
  );
}
