import type { CustomerId, EventId, OrderId, Sku } from '@sagamart/contracts/ids';
import type { Stock } from '@sagamart/inventory/stock';
import type { Product } from '@sagamart/order/order';
import { beginLife, cancelWindowMs, checkoutDeadlineMs, readers, type OrderLife, type Reader } from './order-life.ts';
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
