import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventBody } from '@sagamart/contracts/events';
import type { Transaction } from './transaction.ts';
import { transition, type Cause, type Clock, type Counters } from './transition.ts';

/**
 * All that decides about one kind of aggregate. `decide` is pure: an event, a command, a timer or a reply comes in with the row as it is, and out comes
 * the row afterwards with what is emitted and why; or a refusal, by which nothing changes; or that the saga never brings this input to this row.
 */
export type Aggregate<Row extends Counters, Input, Refusal extends string = never> = {
  /** Who emits, as in the `source` of an event. */
  readonly source: string;
  readonly decide: (before: Row, input: Input, now: Date) => Decision<Row> | Refused<Refusal> | Unreachable;
};

/** The row's counters are as they were: `step` moves them. */
export type Decision<Row> = { readonly row: Row; readonly emits: readonly EventBody[]; readonly cause: Cause };
export type Refused<Refusal extends string> = Refusal extends string ? { readonly refused: Refusal } : never;
/** `unreachable` names the state of the row. */
export type Unreachable = { readonly unreachable: string };

/** The row afterwards, in its own Lamport time, and the events that it emits. */
export type Step<Row> = { readonly row: Row; readonly events: readonly ShopEvent[] };

/** The whole step of an aggregate: it decides, and moves in Lamport time also when it emits nothing. */
export function step<Row extends Counters, Input, Refusal extends string>(
  { source, decide }: Aggregate<Row, Input, Refusal>,
  before: Row,
  input: Input,
  clock: Clock,
): Step<Row> | Refused<Refusal> | Unreachable {
  const decided = decide(before, input, clock.now());
  if (!('row' in decided)) return decided;
  const { lamport, version, events } = transition(source, before, decided.cause, decided.emits, clock);
  return { row: { ...decided.row, lamport, version }, events };
}

/** How the rows of one kind of aggregate are locked and written. */
export type Repository<Key, Row extends Counters, Input, Refusal extends string = never> = {
  readonly aggregate: Aggregate<Row, Input, Refusal>;
  readonly keyOf: (input: Input) => Key;
  /** Locks the rows of the inputs, sorted; those that have to exist are created. Rows that others share come last, in a statement of their own. */
  readonly lock: (tx: Transaction, inputs: readonly Input[]) => Promise<Rows<Key, Row>>;
  /** Writes every changed row once, and what was emitted into the outbox. */
  readonly write: (tx: Transaction, written: Written<Row, Input>) => Promise<void>;
};

export type Rows<Key, Row> = { get: (key: Key) => Row | undefined; set: (key: Key, row: Row) => void };

export type Written<Row, Input> = {
  /** Each row that was changed, as it is now. */
  readonly rows: readonly Row[];
  readonly events: readonly ShopEvent[];
  /** The steps in the order in which they were taken, each with the row that it left. */
  readonly steps: readonly { readonly input: Input; readonly row: Row }[];
};

/** A piece of work on locked rows. */
export type Work<Key, Row, Input, Refusal extends string> = {
  /** Null: there is none. */
  readonly find: (key: Key) => Row | null;
  /** Takes one step, on what the steps before it have left. Throws RangeError when there is no row. */
  readonly take: (input: Input) => Step<Row> | Refused<Refusal> | Unreachable;
  /** Writes what the steps have changed. */
  readonly write: () => Promise<void>;
};

/** Locks the rows of these inputs. The one loop around a decision, for messages, requests, timers and replies. */
export async function lockForWork<Key, Row extends Counters, Input, Refusal extends string>(
  tx: Transaction,
  { aggregate, keyOf, lock, write }: Repository<Key, Row, Input, Refusal>,
  inputs: readonly Input[],
  clock: Clock,
): Promise<Work<Key, Row, Input, Refusal>> {
  const rows = await lock(tx, inputs);
  const changed = new Map<Key, Row>();
  const events: ShopEvent[] = [];
  const steps: { input: Input; row: Row }[] = [];
  return {
    find: (key) => rows.get(key) ?? null,
    take: (input) => {
      const key = keyOf(input);
      const before = rows.get(key);
      if (before === undefined) throw new RangeError(`${aggregate.source}: the row of ${String(key)} was not locked`);
      const after = step(aggregate, before, input, clock);
      if (!('row' in after)) return after;
      rows.set(key, after.row);
      changed.set(key, after.row);
      events.push(...after.events);
      steps.push({ input, row: after.row });
      return after;
    },
    write: async () => {
      if (changed.size > 0) await write(tx, { rows: [...changed.values()], events, steps });
    },
  };
}
