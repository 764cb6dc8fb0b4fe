import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { CancelReason, EventBody, OrderLine } from '@sagamart/contracts/events';
import type { CustomerId, EventId, OrderId, Sku } from '@sagamart/contracts/ids';
import { minorMax, type Currency } from '@sagamart/contracts/money';
import type { Aggregate, Step } from '@sagamart/service-kit/aggregate';
import { causedBy, neverMoved, transition, type Clock, type Counters } from '@sagamart/service-kit/transition';
import { withinTrace } from '@sagamart/telemetry/trace-context';

/** What is fixed when the order is placed. Times are ISO 8601 in UTC. */
export type OrderFacts = {
  readonly orderId: OrderId;
  readonly customerId: CustomerId;
  readonly email: string | null;
  readonly lines: readonly OrderLine[];
  readonly totalMinor: number;
  readonly currency: Currency;
  readonly deadline: string;
  readonly placedAt: string;
};

export type OrderState =
  | { readonly status: 'pending' }
  | { readonly status: 'confirmed'; readonly confirmedAt: string }
  | {
      readonly status: 'cancelled';
      readonly reason: CancelReason;
      readonly cancelledAt: string;
      readonly confirmedAt: string | null;
    };

/** What the other services last said of the order. It decides nothing; a view is never behind it. */
export type Heard = {
  readonly stock: 'held' | 'rejected' | 'committed' | 'released' | null;
  readonly payment: 'captured' | 'declined' | 'voided' | 'refunded' | null;
  readonly notifications: readonly ('confirmed' | 'cancelled')[];
};

export type Order = OrderFacts & OrderState & { readonly heard: Heard };

/** An order as it is stored, with what it takes to speak for it. */
export type OrderRow = {
  readonly order: Order;
  readonly placedEventId: EventId;
  /** The span of the request that placed it. */
  readonly traceparent: string | null;
} & Counters;

export type Product = {
  readonly sku: Sku;
  readonly name: string;
  readonly priceMinor: number;
  readonly currency: Currency;
};

export type PlaceOrder = {
  readonly orderId: OrderId;
  readonly customerId: CustomerId;
  readonly email: string | null;
  readonly lines: readonly { readonly sku: Sku; readonly quantity: number; readonly expectedPriceMinor?: number }[];
  readonly paymentMethod: string;
};

/** A no the business expects; `line` is the index of the line it is about, where it is about one. */
export type Refusal =
  | { readonly refused: 'unknown_sku'; readonly line: number }
  | { readonly refused: 'mixed_currencies'; readonly line: number }
  | { readonly refused: 'total_too_large' }
  | { readonly refused: 'price_changed'; readonly line: number; readonly priceMinor: number };

type Placed = { readonly order: Order; readonly says: readonly EventBody<'order.placed'>[] };

/** Prices come from the catalogue, never from the client: what is accepted here is what will be captured. */
export function place(
  command: PlaceOrder,
  catalogue: ReadonlyMap<Sku, Product>,
  time: { now: Date; checkoutDeadlineMs: number },
): Placed | Refusal {
  const lines: OrderLine[] = [];
  let currency: Currency | null = null;
  for (const [index, { sku, quantity, expectedPriceMinor }] of command.lines.entries()) {
    const product = catalogue.get(sku);
    if (product === undefined) return { refused: 'unknown_sku', line: index };
    if (currency !== null && product.currency !== currency) return { refused: 'mixed_currencies', line: index };
    if (expectedPriceMinor !== undefined && expectedPriceMinor !== product.priceMinor) {
      return { refused: 'price_changed', line: index, priceMinor: product.priceMinor };
    }
    currency = product.currency;
    lines.push({ sku, name: product.name, quantity, unitPriceMinor: product.priceMinor });
  }
  if (currency === null) throw new RangeError('an order has at least one line: the schema of the request sees to it');

  const totalMinor = lines.reduce((sum, line) => sum + line.quantity * line.unitPriceMinor, 0);
  if (totalMinor > minorMax) return { refused: 'total_too_large' };

  const { orderId, customerId, email, paymentMethod } = command;
  const order: Order = {
    orderId,
    customerId,
    email,
    lines,
    totalMinor,
    currency,
    deadline: new Date(time.now.getTime() + time.checkoutDeadlineMs).toISOString(),
    placedAt: time.now.toISOString(),
    status: 'pending',
    heard: { stock: null, payment: null, notifications: [] },
  };
  const { deadline } = order;
  const data = { orderId, customerId, lines, totalMinor, currency, paymentMethod, deadline };
  return { order, says: [{ type: 'order.placed', data }] };
}

export const heardByOrder = [
  'stock.reserved',
  'stock.rejected',
  'stock.committed',
  'stock.released',
  'payment.captured',
  'payment.declined',
  'payment.refunded',
  'payment.voided',
  'notification.sent',
] as const;
export type HeardByOrder = (typeof heardByOrder)[number];

/** The order afterwards and what to say, or that the saga never brings this event to an order in this state. */
export type Reaction = Decision | 'unreachable';
export type Decision = {
  readonly order: Order;
  readonly says: readonly EventBody<'order.confirmed' | 'order.cancelled'>[];
};

/** Decides the outcome of an order, once. An answer that comes late changes what was heard, never what was decided. */
export function react(before: Order, event: EventBody<HeardByOrder>, now: Date): Reaction {
  switch (event.type) {
    case 'stock.reserved':
      return unchanged(hear(before, { stock: before.heard.stock ?? 'held' }));
    case 'stock.rejected':
      if (before.status === 'confirmed') return 'unreachable';
      return cancelIfPending(hear(before, { stock: 'rejected' }), 'out_of_stock', now);
    case 'payment.captured': {
      const { amountMinor, currency } = event.data;
      if (amountMinor !== before.totalMinor || currency !== before.currency) return 'unreachable';
      return confirmIfPending(hear(before, { payment: before.heard.payment ?? 'captured' }), now);
    }
    case 'payment.declined':
      if (before.status === 'confirmed') return 'unreachable';
      return cancelIfPending(hear(before, { payment: 'declined' }), 'payment_declined', now);
    case 'stock.committed':
      return before.status === 'pending' ? 'unreachable' : unchanged(hear(before, { stock: 'committed' }));
    case 'stock.released':
      return before.status === 'cancelled' ? unchanged(hear(before, { stock: 'released' })) : 'unreachable';
    case 'payment.refunded':
      return before.status === 'cancelled' ? unchanged(hear(before, { payment: 'refunded' })) : 'unreachable';
    case 'payment.voided':
      return before.status === 'cancelled' ? unchanged(hear(before, { payment: 'voided' })) : 'unreachable';
    case 'notification.sent': {
      if (before.status === 'pending') return 'unreachable';
      const { outcome } = event.data;
      const { notifications: heard } = before.heard;
      const notifications = heard.includes(outcome) ? heard : [...heard, outcome];
      return unchanged(hear(before, { notifications }));
    }
    default:
      return event satisfies never;
  }
}

/** A customer's wish to cancel: granted while pending and for a while after confirmation, once. `already`: it was cancelled before. */
export type Cancellation = Decision | 'already' | 'window_closed';

export function cancel(before: Order, now: Date, cancelWindowMs: number): Cancellation {
  switch (before.status) {
    case 'pending':
      return cancelled(before, 'customer_cancelled', now, null);
    case 'confirmed':
      if (now.getTime() - Date.parse(before.confirmedAt) > cancelWindowMs) return 'window_closed';
      return cancelled(before, 'customer_cancelled', now, before.confirmedAt);
    case 'cancelled':
      return 'already';
    default:
      return before satisfies never;
  }
}

/** What a passed deadline does to an order. Whether it has passed, and all that came in time was heard, is the sweeper's to know. */
export function timeOut(before: Order, now: Date): Decision {
  return cancelIfPending(before, 'timed_out', now);
}

const source = '/order';

/** The first step of an order: priced by the catalogue, or refused. */
export function begin(
  command: PlaceOrder,
  catalogue: ReadonlyMap<Sku, Product>,
  { clock, checkoutDeadlineMs, traceparent }: { clock: Clock; checkoutDeadlineMs: number; traceparent: string | null },
): Step<OrderRow> | Refusal {
  const placed = place(command, catalogue, { now: clock.now(), checkoutDeadlineMs });
  if ('refused' in placed) return placed;
  const { order, says } = placed;
  const cause = { causationId: null, lamport: 0, correlationId: order.orderId, traceparent };
  const { events, lamport, version } = transition(source, neverMoved, cause, says, clock);
  const [placedEvent] = events;
  if (placedEvent === undefined) throw new RangeError('placing an order emits order.placed');
  return { row: { order, placedEventId: placedEvent.id, traceparent, lamport, version }, events };
}

/** What moves an order once it is placed. `traceparent` is the span of the command or of the timer. */
export type OrderInput =
  | ShopEvent<HeardByOrder>
  | {
      readonly type: 'cancel';
      readonly orderId: OrderId;
      readonly cancelWindowMs: number;
      readonly traceparent: string | null;
    }
  | { readonly type: 'time_out'; readonly orderId: OrderId; readonly traceparent: string | null };

/** `decided`: it came too late to be timed out. */
export type OrderRefusal = Extract<Cancellation, string> | 'decided';

/** Every step of an order but the first. A command and a timer have no event of their own: order.placed is the cause of what they emit. */
export const orderAggregate: Aggregate<OrderRow, OrderInput, OrderRefusal> = {
  source,
  decide: (before, input, now) => {
    if (input.type === 'cancel' || input.type === 'time_out') {
      const { placedEventId: causationId } = before;
      const decision =
        input.type === 'cancel' ? cancel(before.order, now, input.cancelWindowMs) : timeOut(before.order, now);
      if (typeof decision === 'string') return { refused: decision };
      if (decision.says.length === 0) return { refused: 'decided' };
      const { orderId: correlationId, traceparent } = input;
      const cause = { causationId, lamport: 0, correlationId, traceparent };
      return { row: { ...before, order: decision.order }, emits: decision.says, cause };
    }
    const reaction = react(before.order, input, now);
    if (reaction === 'unreachable') return { unreachable: before.order.status };
    const cause = { ...causedBy(input), traceparent: withinTrace(before.traceparent, input.traceparent) };
    return { row: { ...before, order: reaction.order }, emits: reaction.says, cause };
  },
};

function confirmIfPending(order: Order, now: Date): Decision {
  if (order.status !== 'pending') return unchanged(order);
  const confirmedAt = now.toISOString();
  const data = { ...outcomeOf(order), confirmedAt };
  return { order: { ...order, status: 'confirmed', confirmedAt }, says: [{ type: 'order.confirmed', data }] };
}

function cancelIfPending(order: Order, reason: CancelReason, now: Date): Decision {
  return order.status === 'pending' ? cancelled(order, reason, now, null) : unchanged(order);
}

function cancelled(order: Order, reason: CancelReason, now: Date, confirmedAt: string | null): Decision {
  const decided = { reason, cancelledAt: now.toISOString(), confirmedAt };
  const data = { ...outcomeOf(order), ...decided };
  return { order: { ...order, status: 'cancelled', ...decided }, says: [{ type: 'order.cancelled', data }] };
}

function outcomeOf(order: Order) {
  const { orderId, customerId, email, lines, totalMinor, currency } = order;
  return { orderId, customerId, contact: { email }, lines: [...lines], totalMinor, currency };
}

function unchanged(order: Order): Decision {
  return { order, says: [] };
}

function hear(order: Order, news: Partial<Heard>): Order {
  return { ...order, heard: { ...order.heard, ...news } };
}
