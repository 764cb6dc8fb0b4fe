import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { Sku } from '@sagamart/contracts/ids';
import { begin, type PlaceOrder, type Product } from '@sagamart/order/order';
import type { Entry } from '@sagamart/psp-simulator/entry';
import { neverMoved } from '@sagamart/service-kit/transition';
import {
  clockOf,
  type CorrespondenceRow,
  type OrderRow,
  type PaymentRow,
  type ReservationRow,
} from './participants.ts';

/** All there is to know of one order: a row in each service, the provider's ledger, what was said, and what the mail server took or refuses for good. */
export type OrderLife = {
  readonly order: OrderRow;
  readonly reservation: ReservationRow;
  readonly payment: PaymentRow;
  readonly correspondence: CorrespondenceRow;
  readonly ledger: readonly Entry[];
  readonly mailbox: readonly string[];
  readonly refusals: readonly string[];
  readonly said: Said;
};

export const sagaTopics = ['order.events', 'inventory.events', 'payment.events', 'notification.events'] as const;
export type SagaTopic = (typeof sagaTopics)[number];
export type Said = Readonly<Record<SagaTopic, readonly ShopEvent[]>>;

/** Who reads what of an order. */
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

export type Hearing = {
  readonly does: 'hears' | 'hears again' | 'misses';
  readonly reader: Reader;
  readonly event: ShopEvent;
};

export const checkoutDeadlineMs = 60_000;
export const cancelWindowMs = 900_000;

/** An order that was just accepted, and that nobody has heard of. */
export function beginLife(command: PlaceOrder, products: ReadonlyMap<Sku, Product>, now: Date): OrderLife {
  const { orderId } = command;
  const clock = clockOf('/order', orderId, neverMoved, now);
  const begun = begin(command, products, { clock, checkoutDeadlineMs, traceparent: null });
  if ('refused' in begun) throw new RangeError(`the order was refused: ${begun.refused}; ask for products there are`);
  const row = { orderId, customerId: null, traceparent: null, ...neverMoved };
  return {
    order: begun.row,
    reservation: { ...row, reservation: { status: 'unseen' } },
    payment: { ...row, payment: { status: 'waiting', terms: null, stockReserved: false }, callCauseId: null },
    correspondence: { orderId, notifications: [], ...neverMoved },
    ledger: [],
    mailbox: [],
    refusals: [],
    said: { 'order.events': begun.events, 'inventory.events': [], 'payment.events': [], 'notification.events': [] },
  };
}

/** The rule of Lamport time: what is said has a cause that was said, and is later. */
export function comesAfterItsCause({ said }: OrderLife, { causationId, lamport }: ShopEvent): boolean {
  for (const topic of sagaTopics) {
    const cause = said[topic].find(({ id }) => id === causationId);
    if (cause !== undefined) return lamport > cause.lamport;
  }
  return false;
}
