import type { EventType } from '@sagamart/contracts/events';
import type { ServiceName, Topic } from '@sagamart/contracts/topics';

/** Who reads which topic: every event on it stands in the reader's inbox exactly once. */
export const subscriptions: Readonly<Record<ServiceName, readonly Topic[]>> = {
  order: ['inventory.events', 'payment.events', 'notification.events', 'catalog.events'],
  inventory: ['order.events'],
  payment: ['order.events', 'inventory.events'],
  notification: ['order.events'],
};

/** What may be said next of one order (or product) on one topic, by what was said last; null is the beginning. */
export const nextSayings: Readonly<Record<EventType, readonly EventType[]>> = {
  'order.placed': ['order.confirmed', 'order.cancelled'],
  'order.confirmed': ['order.cancelled'],
  'order.cancelled': [],
  'stock.reserved': ['stock.committed', 'stock.released'],
  'stock.rejected': [],
  'stock.committed': ['stock.released'],
  'stock.released': [],
  'payment.captured': ['payment.refunded'],
  'payment.declined': [],
  'payment.refunded': [],
  'payment.voided': [],
  'notification.sent': ['notification.sent'],
  'product.changed': ['product.changed'],
};

/** What may be said first of an order (or product) on one topic. */
export const firstSayings: ReadonlySet<string> = new Set<EventType>([
  'order.placed',
  'stock.reserved',
  'stock.rejected',
  'payment.captured',
  'payment.declined',
  'payment.voided',
  'notification.sent',
  'product.changed',
]);
