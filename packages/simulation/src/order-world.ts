import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { CustomerId, EventId, OrderId, Sku } from '@sagamart/contracts/ids';
import type { Stock } from '@sagamart/inventory/reservation';
import { place, type PlaceOrder, type Product } from '@sagamart/order/order';
import { transition } from '@sagamart/service-kit/transition';
import { sagaTopics, type OrderLife, type SagaTopic } from './invariants.ts';
import { eventIdOf } from './participants.ts';
import type { Call } from './provider-calls.ts';

/** One order and all that is under way around it. Never changed in place: a step makes a new one of it. */
export type World = OrderLife & {
  readonly stock: ReadonlyMap<Sku, Stock>;
  readonly supplied: number;
  readonly calls: readonly Call[];
  /** How far each reader has come in its topic; a redelivery does not take it back. */
  readonly heard: readonly number[];
  /** Messages that were parked without an inbox row and discarded: one may come again, and is new then. */
  readonly discarded: readonly { readonly reader: Reader; readonly eventId: EventId }[];
  /** How often a message was discarded, and how often one that came again changed something. */
  readonly discards: number;
  readonly changedAgain: number;
  readonly orderClock: OrderClock;
  readonly paymentIsLate: boolean;
};

/** Before the deadline, past it, and past the cancel window of what was confirmed before. */
export type OrderClock = 0 | 1 | 2;

export const readers = [
  { index: 0, by: 'inventory', topic: 'order.events' },
  { index: 1, by: 'payment', topic: 'order.events' },
  { index: 2, by: 'notification', topic: 'order.events' },
  { index: 3, by: 'payment', topic: 'inventory.events' },
  { index: 4, by: 'order', topic: 'inventory.events' },
  { index: 5, by: 'order', topic: 'payment.events' },
  { index: 6, by: 'order', topic: 'notification.events' },
] as const satisfies readonly { index: number; by: string; topic: SagaTopic }[];
export type Reader = (typeof readers)[number];

export const cancelWindowMs = 900_000;
const checkoutDeadlineMs = 60_000;
const placedAt = new Date('2026-01-01T00:00:00.000Z');
const soon = new Date(placedAt.getTime() + 1_000);

/** The order service's time. The deadline is the sweeper's to look at: no decision of an order reads it. */
export const orderTimes = [soon, soon, new Date(soon.getTime() + cancelWindowMs + 1)] as const;
export const paymentTimes = { inTime: soon, late: new Date(placedAt.getTime() + checkoutDeadlineMs) };

export type Beginning = {
  readonly paymentMethod: 'tok_visa' | 'tok_declined';
  readonly onHand: number;
  readonly email: string | null;
};

export const payable: Beginning = { paymentMethod: 'tok_visa', onHand: 2, email: 'a@example.org' };
export const declinable: Beginning = { ...payable, paymentMethod: 'tok_declined' };
export const soldOut: Beginning = { ...payable, onHand: 1 };
export const addressless: Beginning = { ...payable, email: null };

const orderId = 'A' as OrderId;
export const mug = 'MUG' as Sku;
const catalogue = new Map<Sku, Product>([[mug, { sku: mug, name: 'Mug', priceMinor: 1490, currency: 'EUR' }]]);

/** An order of two mugs was just accepted, and nobody has heard of it. */
export function beginWorld({ paymentMethod, onHand, email }: Beginning): World {
  const stock = new Map([[mug, { onHand, held: 0, committed: 0 }]]);
  const lines = [{ sku: mug, quantity: 2 }];
  const command = { orderId, customerId: 'customer' as CustomerId, email, lines, paymentMethod };
  return {
    ...beginLife(command, catalogue, placedAt),
    stock,
    supplied: onHand,
    calls: [],
    heard: readers.map(() => 0),
    discarded: [],
    discards: 0,
    changedAgain: 0,
    orderClock: 0,
    paymentIsLate: false,
  };
}

export function beginLife(command: PlaceOrder, products: ReadonlyMap<Sku, Product>, now: Date): OrderLife {
  const placed = place(command, products, { now, checkoutDeadlineMs });
  if ('refused' in placed) throw new RangeError(`the order was refused: ${placed.refused}; ask for products there are`);
  const cause = { causationId: null, lamport: 0, correlationId: command.orderId, traceparent: null };
  const placedEventId = eventIdOf('/order', command.orderId, 1);
  const clock = { now: () => now, newEventId: () => placedEventId };
  const { lamport, version, events } = transition('/order', nothingSaid, cause, placed.says, clock);
  return {
    order: { order: placed.order, placedEventId, lamport, version },
    reservation: { reservation: { status: 'unseen' }, ...nothingSaid },
    payment: { payment: { status: 'waiting', terms: null, stockReserved: false }, callCauseId: null, ...nothingSaid },
    correspondence: { notifications: [], ...nothingSaid },
    ledger: [],
    mailbox: [],
    said: { 'order.events': events, 'inventory.events': [], 'payment.events': [], 'notification.events': [] },
  };
}

const nothingSaid = { lamport: 0, version: 0 };

/** Everything said on the saga's topics. */
export function allSaid({ said }: OrderLife): ShopEvent[] {
  return sagaTopics.flatMap((topic) => said[topic]);
}
