import { compareAlways, type Later } from './always-true.ts';
import type { Books, Finding } from './books.ts';
import { compareOrders } from './compare-books.ts';
import { isRefundedElsewhere } from './compare-money.ts';
import { compareKeys } from './compare-orders.ts';
import { readOrderRows } from './database-reader.ts';
import { entriesByOrder } from './outside-world.ts';
import type { Reading, Sources } from './reading.ts';
import { compareUnrest, listUnrest, type Unrest } from './rest.ts';
import { openSuspicions } from './suspicions.ts';

export type JudgeOptions = {
  /** How long an order may be away from rest after it had to be there. */
  readonly settleMs: number;
  /** How long a finding is looked at again before it stands. */
  readonly provenAfterMs: number;
};

/** All that was found of orders and still holds, look after look. */
export type JudgedOrders = {
  /** Orders that clients were given the ids of: they must be in the books. */
  readonly expect: (orderIds: Iterable<string>) => void;
  /** Judges the orders of these keys, and again those that were in flight or suspected. Throws when a database goes away meanwhile. */
  readonly judge: (reading: Reading, touched: readonly string[]) => Promise<void>;
  readonly findings: () => Finding[];
  readonly suspected: () => Finding[];
  readonly inFlight: () => readonly Unrest[];
  readonly restedCount: () => number;
  /** Orders whose money went back by another way than through the provider, as a person has said. */
  readonly refundedElsewhereCount: () => number;
};

/** So many orders are compared at once: it bounds the memory, whatever there is to audit. */
const windowKeys = 1_000;

export function openJudgedOrders(
  { notebook, pools }: Sources,
  { settleMs, provenAfterMs }: JudgeOptions,
): JudgedOrders {
  const suspicions = openSuspicions(provenAfterMs);
  const broken = new Map<string, Finding>();
  const rested = new Set<string>();
  const refundedElsewhere = new Set<string>();
  const expected = new Set<string>();
  let inFlight: Unrest[] = [];

  const judgeWindow = async (reading: Reading, keys: readonly string[]): Promise<void> => {
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
    const entriesOf = entriesByOrder(books.ledger);
    for (const payment of books.payments)
      if (isRefundedElsewhere(payment, entriesOf.get(payment.orderId) ?? [])) refundedElsewhere.add(payment.orderId);
      else refundedElsewhere.delete(payment.orderId);
    for (const { orderId } of books.orders)
      if (isMoving.has(orderId)) rested.delete(orderId);
      else rested.add(orderId);
  };

  return {
    expect: (orderIds) => {
      for (const orderId of orderIds) {
        if (!expected.has(orderId)) notebook.touch([orderId]);
        expected.add(orderId);
      }
    },
    judge: async (reading, touched) => {
      const again = [...inFlight.map(({ about }) => about), ...suspicions.keys()];
      const keys = [...new Set([...touched, ...again])].toSorted();
      inFlight = [];
      try {
        for (let start = 0; start < keys.length; start += windowKeys)
          await judgeWindow(reading, keys.slice(start, start + windowKeys));
      } catch (error) {
        // A part went away between two questions: all of it is looked at again.
        notebook.touch(keys);
        throw error;
      }
    },
    findings: () => [...broken.values(), ...suspicions.standing()],
    suspected: () => suspicions.suspected(),
    inFlight: () => inFlight,
    restedCount: () => rested.size,
    refundedElsewhereCount: () => refundedElsewhere.size,
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
