import { serviceNames } from '@sagamart/contracts/topics';
import { compareAlways, type Later } from './always-true.ts';
import type { Books, Door, Finding } from './books.ts';
import { compareOrders } from './compare-books.ts';
import { compareDoors, compareKeys } from './compare-orders.ts';
import { openStockHistory } from './compare-stock.ts';
import { readMovements, readOrderRows, readStock, type Reader } from './database-reader.ts';
import { listStrangers } from './doors.ts';
import { openReading, type Progress, type Reading, type Sources } from './reading.ts';
import { compareUnrest, listUnrest, type Unrest } from './rest.ts';
import { openSuspicions } from './suspicions.ts';

/** What the auditor knows after a look: all that it ever found and that still holds, not only what is new. */
export type Verdict = {
  /** What is broken. An always-true rule that was seen broken once stays here. */
  readonly findings: readonly Finding[];
  /** Found by this look, and perhaps a race of the reading: the next looks will tell. */
  readonly suspected: readonly Finding[];
  /** Not at rest, and not for so long that it is `stuck`. */
  readonly inFlight: readonly Unrest[];
  /** What could not be read, and why. Then nothing new is judged but what is always true. */
  readonly unread: readonly string[];
  /** Of how many orders and skus something was new since the look before. */
  readonly changed: number;
  readonly counts: Counts;
};

export type Counts = Readonly<
  Record<
    'orders' | 'skus' | 'movements' | 'events' | 'records' | 'heard' | 'ledger' | 'mails' | 'keys' | 'doors',
    number
  >
>;

export type LookOptions = {
  /** How long an order may be away from rest after it had to be there. */
  readonly settleMs: number;
  /** How long a finding is looked at again before it stands. */
  readonly provenAfterMs: number;
};

/** So many orders are compared at once: it bounds the memory, whatever there is to audit. */
const windowKeys = 1_000;

/** Each call reads what is new and judges what has changed since the call before. */
export function createLook(
  sources: Sources,
  { progress, settleMs, provenAfterMs }: LookOptions & { progress: Progress },
): (options: { accepted: Iterable<string>; tryDoors: () => Promise<readonly Door[]> }) => Promise<Verdict> {
  const { notebook, pools } = sources;
  const suspicions = openSuspicions(provenAfterMs);
  const history = openStockHistory();
  const broken = new Map<string, Finding>();
  const rested = new Set<string>();
  const expected = new Set<string>();
  let inFlight: Unrest[] = [];
  let shopFindings: Finding[] = [];
  let movements = 0;
  let doors: readonly Door[] = [];

  const judge = async (reading: Reading, keys: readonly string[]): Promise<void> => {
    const books = await reading.booksOf(keys);
    const later = await readLater(pools, keys, reading.hasLedger ? books.ledger : null);
    for (const finding of compareAlways(books, later)) broken.set(JSON.stringify(finding), finding);
    if (reading.unread.length > 0 || later.payments === null) {
      notebook.touch(keys);
      return;
    }
    const nowMs = Date.now();
    const unrest = listUnrest(books, later.payments);
    const stuck = compareUnrest(unrest, nowMs - settleMs);
    const overdue = new Set(stuck.map(({ about }) => about));
    const moving = unrest.filter(({ about }) => !overdue.has(about));
    inFlight.push(...moving);
    const isMoving = new Set(moving.map(({ about }) => about));
    const accepted = keys.filter((key) => expected.has(key));
    const findings = compareOrders(books, accepted).filter(({ about }) => !isMoving.has(about));
    suspicions.renew(keys, [...stuck, ...findings, ...compareKeys(books)], nowMs);
    for (const { orderId } of books.orders)
      if (isMoving.has(orderId)) rested.delete(orderId);
      else rested.add(orderId);
  };

  const judgeShop = async (reading: Reading): Promise<void> => {
    const { inventory } = reading.snapshots;
    if (inventory === undefined) return;
    for await (const rows of readMovements(inventory, history.last)) {
      history.follow(rows);
      movements += rows.length;
    }
    shopFindings = [...history.compare(await readStock(inventory)), ...compareDoors(doors)];
  };

  return async ({ accepted, tryDoors }) => {
    for (const orderId of accepted) {
      if (!expected.has(orderId)) notebook.touch([orderId]);
      expected.add(orderId);
    }
    const reading = await openReading(sources, progress);
    const unread = [...reading.unread];
    const touched = notebook.takeTouched();
    const again = [...inFlight.map(({ about }) => about), ...suspicions.keys()];
    const keys = [...new Set([...touched, ...again])].toSorted();
    inFlight = [];
    try {
      if (reading.unread.length === 0) doors = [...(await tryDoors()), ...(await findStrangers(reading))];
      for (let start = 0; start < keys.length; start += windowKeys)
        await judge(reading, keys.slice(start, start + windowKeys));
      await judgeShop(reading);
    } catch (error) {
      // A part went away between two questions: all of it is looked at again.
      notebook.touch(keys);
      unread.push(error instanceof Error ? error.message : String(error));
    } finally {
      await reading.close();
    }
    inFlight.push(...listInHand(reading));
    return {
      findings: [...broken.values(), ...suspicions.standing(), ...shopFindings],
      suspected: suspicions.suspected(),
      inFlight,
      unread,
      changed: touched.length,
      counts: {
        ...countNotes(notebook),
        orders: rested.size,
        skus: history.last.size,
        movements,
        doors: doors.length,
      },
    };
  };
}

/** A request or a batch that is in hand may be about an order that nobody can see yet. */
function listInHand({ inHand }: Reading): Unrest[] {
  return serviceNames
    .filter((service) => inHand(service) > 0)
    .map((service) => ({
      about: service,
      waitsFor: [`${inHand(service)} requests or batches are in hand`],
      sinceMs: Date.now(),
    }));
}

function countNotes({ count }: Sources['notebook']): Omit<Counts, 'orders' | 'skus' | 'movements' | 'doors'> {
  return {
    events: count('outbox'),
    records: count('records'),
    heard: count('inbox'),
    ledger: count('ledger'),
    mails: count('mails'),
    keys: count('order_keys'),
  };
}

/** Read after all that the snapshots say. */
async function readLater(
  pools: Sources['pools'],
  keys: readonly string[],
  ledger: Books['ledger'] | null,
): Promise<Later & { payments: Books['payments'] | null }> {
  const read = (service: keyof Sources['pools']) =>
    readOrderRows({ [service]: pools[service] }, keys).catch(() => null);
  const [order, inventory, payment] = await Promise.all([read('order'), read('inventory'), read('payment')]);
  return {
    orders: order?.orders ?? null,
    movements: inventory?.movements ?? null,
    payments: payment?.payments ?? null,
    ledger,
  };
}

async function findStrangers({ snapshots }: Reading): Promise<Door[]> {
  const entries = Object.entries(snapshots) as [keyof Sources['pools'], Reader][];
  return (await Promise.all(entries.map(([service, reader]) => listStrangers(service, reader)))).flat();
}
