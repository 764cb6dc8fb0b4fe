import type { OrderId } from '@sagamart/contracts/ids';
import type { Tx } from '@sagamart/service-kit/database';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { transition, type Clock } from '@sagamart/service-kit/transition';
import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, startSpan, traceparentOf } from '@sagamart/telemetry/spans';
import { source } from './messages.ts';
import { cancel, timeOut, type Cancellation, type Decision, type Order } from './order.ts';
import { lockFreeOrders, lockOrders, updateOrders, type StoredOrder } from './order-store.ts';
import { measureOutcomes } from './saga-metrics.ts';
import { appendToTimeline, type OrderEvent } from './timeline-store.ts';

/**
 * Cancels an order for its customer, as far as `maySee` says it is theirs. Null: there is no such order of theirs. The order is locked first, so
 * what is decided holds for the order as it is when this commits.
 */
export async function cancelForCustomer(
  tx: Tx,
  orderId: OrderId,
  options: { clock: Clock; cancelWindowMs: number; maySee: (order: Order) => boolean },
): Promise<{ order: Order; cancellation: Cancellation } | null> {
  const [before] = await lockOrders(tx, [orderId]);
  if (before === undefined || !options.maySee(before.order)) return null;
  const cancellation = cancel(before.order, options.clock.now(), options.cancelWindowMs);
  if (typeof cancellation === 'string') return { order: before.order, cancellation };
  await write(tx, [decided(before, cancellation, options.clock, spanName.cancelOrder)]);
  return { order: cancellation.order, cancellation };
}

/** Cancels those of the orders that are still pending, and that nobody else holds, as `timed_out`. Returns how many. */
export async function timeOutOrders(tx: Tx, orderIds: readonly OrderId[], clock: Clock): Promise<number> {
  const stored = await lockFreeOrders(tx, orderIds);
  const decisions = stored.flatMap((before) => {
    const decision = timeOut(before.order, clock.now());
    return decision.says.length === 0 ? [] : [decided(before, decision, clock, spanName.timeOutOrder)];
  });
  if (decisions.length > 0) await write(tx, decisions);
  return decisions.length;
}

type Decided = { stored: StoredOrder; events: OrderEvent[]; span: Span };

/** A cancel and a timer have no event of their own: what they say is caused by order.placed and belongs to its trace, where a link leads to them. */
function decided(before: StoredOrder, { order, says }: Decision, clock: Clock, name: string): Decided {
  const { placedEventId: causationId, traceparent: parent } = before;
  const span = startSpan(name, {
    parent,
    links: [activeTraceparent()],
    attributes: { [attribute.orderId]: order.orderId },
  });
  const cause = { causationId, lamport: 0, correlationId: order.orderId, traceparent: traceparentOf(span) };
  const { lamport, version, events } = transition(source, before, cause, says, clock);
  return { stored: { ...before, order, lamport, version }, events, span };
}

async function write(tx: Tx, decisions: readonly Decided[]): Promise<void> {
  const events = decisions.flatMap((each) => each.events);
  measureOutcomes(tx, events);
  await Promise.all([
    updateOrders(
      tx,
      decisions.map(({ stored }) => stored),
    ),
    appendToTimeline(tx, events),
    appendToOutbox(tx, events),
  ]);
  for (const { span } of decisions) span.end();
}
