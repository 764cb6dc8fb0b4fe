import { counterMax } from '@sagamart/contracts/bounds';
import { partitionKeyOf, type EventBody } from '@sagamart/contracts/events';
import type { Envelope } from '@sagamart/contracts/cloud-event';
import type { EventId } from '@sagamart/contracts/ids';

/** Outside things a transition needs, as parameters: tests bring their own. */
export type Clock = { now: () => Date; newEventId: () => EventId };

/** The two counters every aggregate row carries. */
export type Counters = {
  /** Lamport time of the last transition, also of one that said nothing. */
  readonly lamport: number;
  /** How many events this service has said of this aggregate. */
  readonly version: number;
};

/** The counters of an aggregate that has made no step yet. */
export const neverMoved: Counters = { lamport: 0, version: 0 };

/** What set a transition off. A request and a timer have no event of their own: their Lamport time is 0. */
export type Cause = {
  /** The event that counts as the cause of what is said: null only for order.placed and product.changed. */
  readonly causationId: EventId | null;
  readonly lamport: number;
  readonly correlationId: string;
  readonly traceparent: string | null;
};

/** An event as the cause of whatever handling it says. */
export function causedBy(event: Envelope): Cause {
  return {
    causationId: event.id,
    lamport: event.lamport,
    correlationId: event.correlationId,
    traceparent: event.traceparent,
  };
}

/**
 * One transition in Lamport time (Lamport 1978, "Time, Clocks, and the Ordering of Events", rule IR2): the aggregate moves to
 * max(own, cause) + 1, and all it says carries that time, in version order. Call it also when nothing is said. At the highest time that can be
 * read it stands still: an event may then be as late as its cause, and is heard all the same.
 */
export function transition<Body extends EventBody>(
  source: string,
  before: Counters,
  cause: Cause,
  says: readonly Body[],
  clock: Clock,
): Counters & { events: (Envelope & Body)[] } {
  const lamport = Math.min(Math.max(before.lamport, cause.lamport) + 1, counterMax);
  const time = clock.now().toISOString();
  const events = says.map((body, index) => ({
    ...body,
    id: clock.newEventId(),
    source,
    time,
    subject: partitionKeyOf(body),
    causationId: cause.causationId,
    correlationId: cause.correlationId,
    aggregateVersion: before.version + index + 1,
    lamport,
    traceparent: cause.traceparent,
  }));
  return { lamport, version: before.version + says.length, events };
}
