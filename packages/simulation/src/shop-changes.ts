import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { eventTypes } from '@sagamart/contracts/events';
import type { OrderId } from '@sagamart/contracts/ids';
import { alwaysBreaches, isStockRight, type Breach } from './invariants.ts';
import { comesAfterItsCause, type OrderLife } from './order-life.ts';
import { tellChange } from './order-story.ts';
import type { Outcome } from './participants.ts';
import { timeAt, type Happening, type Shop } from './shop.ts';

/** Writes what a transaction changed of an order, publishes what it said, and checks what holds at all times. */
export function become(
  shop: Shop,
  orderId: OrderId,
  what: string,
  changes: Partial<OrderLife>,
  says: readonly ShopEvent[],
): Happening {
  const before = shop.lives.get(orderId);
  if (before === undefined) return 'idle';
  const after = { ...before, ...changes, said: publish(shop, before, says) };
  shop.lives.set(orderId, after);
  shop.story?.push(tellChange(what, before, after));
  const isCaused = says.every((event) => comesAfterItsCause(after, event));
  const [breach] = isCaused ? alwaysBreaches(after) : (['cause first'] as const);
  return breach === undefined ? 'done' : { breach, about: orderId };
}

export function moveOrder(shop: Shop, orderId: OrderId, what: string, outcome: Outcome<OrderLife['order']>): Happening {
  if ('unreachable' in outcome) return broken(shop, orderId, what, 'no unreachable pair is met');
  return become(shop, orderId, what, { order: outcome.row }, outcome.events);
}

export function movePayment(
  shop: Shop,
  orderId: OrderId,
  what: string,
  outcome: Outcome<OrderLife['payment']>,
): Happening {
  if ('unreachable' in outcome) return broken(shop, orderId, what, 'no unreachable pair is met');
  const { payment } = outcome.row;
  const starts = payment.status === 'capturing' && shop.lives.get(orderId)?.payment.payment.status !== 'capturing';
  if (starts && timeAt(shop, 'payment').getTime() >= Date.parse(payment.terms.deadline))
    return broken(shop, orderId, what, 'no capture starts after the deadline');
  return become(shop, orderId, what, { payment: outcome.row }, outcome.events);
}

export function told(shop: Shop, what: string): Happening {
  shop.story?.push(what);
  return 'done';
}

export function broken(shop: Shop, about: OrderId, what: string, breach: Breach): Happening {
  told(shop, what);
  return { breach, about };
}

export function isWholeStockRight({ stock, supplied, lives }: Shop): boolean {
  const reservations = Array.from(lives.values(), ({ reservation }) => reservation.reservation);
  return isStockRight(stock, (sku) => supplied.get(sku) ?? 0, reservations);
}

function publish(shop: Shop, life: OrderLife, says: readonly ShopEvent[]): OrderLife['said'] {
  const [first] = says;
  if (first === undefined) return life.said;
  const { topic } = eventTypes[first.type];
  if (topic === 'catalog.events') throw new RangeError(`${first.type} is not of the saga`);
  shop.topics[topic].push(...says);
  return { ...life.said, [topic]: [...life.said[topic], ...says] };
}
