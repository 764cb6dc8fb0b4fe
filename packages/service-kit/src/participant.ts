import type { Envelope, ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventType } from '@sagamart/contracts/events';
import { lockForWork, type Repository } from './aggregate.ts';
import type { Transaction } from './transaction.ts';
import type { Readable } from './read-record.ts';
import type { Clock, Counters } from './transition.ts';

/** How one service takes part in the saga. `Work` is what it holds in memory between locking its rows and writing them. */
export type Participant<Work, Heard extends EventType> = {
  /** The types it acts on. Any other event on its topics is recorded in the inbox and changes nothing. */
  readonly hears: readonly Heard[];
  /** Creates missing rows, then locks all rows of the events, sorted; shared rows (stock) last, in a statement of their own. */
  readonly load: (tx: Transaction, events: readonly ShopEvent<Heard>[]) => Promise<Work>;
  /** Decides on one event and changes `work`. Called in offset order, so events of one key see each other's results. */
  readonly react: (work: Work, event: ShopEvent<Heard>) => void;
  /** Writes every changed row once, and all that was said into the outbox. */
  readonly save: (tx: Transaction, work: Work) => Promise<void>;
  /** Table constraints that only a lost race can violate: the batch is tried again. */
  readonly racingConstraints?: readonly string[];
  /** Called after each commit, for instance to nudge a worker. */
  readonly committed?: () => void;
};

/** One kind of aggregate, and the types of events that move it. */
export type Subscription = {
  readonly hears: readonly EventType[];
  /** Locks what those of the events are about that it hears; null when it hears none of them. */
  readonly lock: (tx: Transaction, events: readonly ShopEvent[], clock: Clock) => Promise<EventWork | null>;
};
/** `take` passes over what it does not hear. */
type EventWork = { readonly take: (event: ShopEvent) => void; readonly write: () => Promise<void> };

/** Moves the repository's aggregates by events of these types. What cannot be reached throws UnreachablePair, and nothing is written. */
export function subscribe<Key, Row extends Counters, Input, Refusal extends string>(
  hears: readonly Extract<Input, ShopEvent>['type'][],
  repository: Repository<Key, Row, Input, Refusal>,
): Subscription {
  const isInput = (event: ShopEvent): event is Extract<Input, ShopEvent> => isHeard({ hears }, event);
  return {
    hears,
    lock: async (tx, events, clock) => {
      const inputs = events.filter(isInput);
      if (inputs.length === 0) return null;
      const work = await lockForWork(tx, repository, inputs, clock);
      return {
        take: (event) => {
          if (!isInput(event)) return;
          const isThere = work.find(repository.keyOf(event)) !== null;
          const after = isThere ? work.take(event) : { unreachable: 'unknown' };
          if ('unreachable' in after) throw new UnreachablePair(after.unreachable, event.type);
        },
        write: work.write,
      };
    },
  };
}

/** Takes part by subscriptions, no two of them to the same type. */
export function participantOf(
  subscriptions: readonly Subscription[],
  { clock, ...rest }: { clock: Clock } & Pick<Participant<never, never>, 'racingConstraints' | 'committed'>,
): Participant<readonly EventWork[], EventType> {
  return {
    ...rest,
    hears: subscriptions.flatMap(({ hears }) => hears),
    load: async (tx, events) => {
      const works: EventWork[] = [];
      for (const { lock } of subscriptions) {
        const work = await lock(tx, events, clock);
        if (work !== null) works.push(work);
      }
      return works;
    },
    react: (works, event) => {
      for (const { take } of works) take(event);
    },
    save: async (_tx, works) => {
      await Promise.all(works.map(({ write }) => write()));
    },
  };
}

/** A pair of state and event that the saga says cannot happen. The message is parked, never ignored. */
export class UnreachablePair extends Error {
  override name = 'UnreachablePair';
  constructor(state: string, eventType: string) {
    super(
      `${eventType} cannot reach an aggregate that is ${state}. Parked: look at the aggregate and its timeline, then replay.`,
    );
  }
}

/** Loads, decides and saves those of the events that the participant acts on: the only way in which an event changes a service. */
export async function takePart<Work, Heard extends EventType>(
  tx: Transaction,
  participant: Participant<Work, Heard>,
  events: readonly Readable['event'][],
): Promise<void> {
  const heard = events.filter((event) => isHeard(participant, event));
  if (heard.length === 0) return;
  const work = await participant.load(tx, heard);
  for (const event of heard) participant.react(work, event);
  await participant.save(tx, work);
}

/** True of an event that the participant acts on. */
export function isHeard<Heard extends EventType>(
  { hears }: { hears: readonly Heard[] },
  event: Envelope & { readonly type: string },
): event is ShopEvent<Heard> {
  return hears.some((type) => type === event.type);
}

/** Under which reason, and with which words, a message is parked that could not be handled because of this error. */
export function parkingReasonOf(failed: unknown): { reason: string; error: string } {
  return {
    reason: failed instanceof UnreachablePair ? 'unreachable' : 'handler_failed',
    error: failed instanceof Error ? `${failed.name}: ${failed.message}` : String(failed),
  };
}
