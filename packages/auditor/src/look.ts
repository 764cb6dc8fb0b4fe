import { serviceNames } from '@sagamart/contracts/topics';
import type { Door, Finding } from './books.ts';
import { openJudgedOrders, type JudgeOptions } from './judged-orders.ts';
import { openJudgedShop } from './judged-shop.ts';
import { openReading, type Progress, type Reading, type Sources } from './reading.ts';
import type { Unrest } from './rest.ts';

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
  /** Records of the topics that nobody can read, each with its place. That each is listed as parked by all who read its topic is judged. */
  readonly unreadable: readonly string[];
  /** Of how many orders and skus something was new since the look before. */
  readonly changed: number;
  readonly counts: Counts;
};

export type Counts = Readonly<
  Record<
    | 'orders'
    | 'skus'
    | 'movements'
    | 'events'
    | 'records'
    | 'heard'
    | 'ledger'
    | 'refundedElsewhere'
    | 'mails'
    | 'keys'
    | 'doors',
    number
  >
>;

/** Each call reads what is new and judges what has changed since the call before. */
export function createLook(
  sources: Sources,
  { progress, ...options }: JudgeOptions & { progress: Progress },
): (options: { accepted: Iterable<string>; tryDoors: () => Promise<readonly Door[]> }) => Promise<Verdict> {
  const orders = openJudgedOrders(sources, options);
  const shop = openJudgedShop();

  return async ({ accepted, tryDoors }) => {
    orders.expect(accepted);
    const reading = await openReading(sources, progress);
    const unread = [...reading.unread];
    const touched = sources.notebook.takeTouched();
    try {
      await orders.judge(reading, touched);
      await shop.judge(reading, tryDoors);
    } catch (error) {
      unread.push(error instanceof Error ? error.message : String(error));
    } finally {
      await reading.close();
    }
    return {
      findings: [...orders.findings(), ...shop.findings()],
      suspected: orders.suspected(),
      inFlight: [...orders.inFlight(), ...listInHand(reading)],
      unread,
      unreadable: sources.unreadable(),
      changed: touched.length,
      counts: {
        ...countNotes(sources.notebook),
        orders: orders.restedCount(),
        refundedElsewhere: orders.refundedElsewhereCount(),
        ...shop.counts(),
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

function countNotes({
  count,
}: Sources['notebook']): Omit<Counts, 'orders' | 'refundedElsewhere' | 'skus' | 'movements' | 'doors'> {
  return {
    events: count('outbox'),
    records: count('records'),
    heard: count('inbox'),
    ledger: count('ledger'),
    mails: count('mails'),
    keys: count('order_keys'),
  };
}
