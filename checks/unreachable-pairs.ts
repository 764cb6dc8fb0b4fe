import type { EventType } from '../packages/contracts/src/events.ts';

/** Events that the saga never brings to an aggregate in this state. Such a message would be parked. */
export type Unreachable = {
  readonly of: 'order' | 'stock' | 'notification';
  readonly is: string;
  readonly hears: readonly EventType[];
  readonly because: string;
};

/**
 * Every pair that the deciding code answers `unreachable`, written by hand with its reason; a test compares. Payment has none: whatever
 * order and stock say has an answer in each of its states.
 */
export const unreachablePairs: readonly Unreachable[] = [
  {
    of: 'order',
    is: 'pending',
    hears: ['stock.committed'],
    because: 'stock is committed by `order.confirmed`, and a decided order is never pending again',
  },
  {
    of: 'order',
    is: 'pending',
    hears: ['stock.released', 'payment.refunded', 'payment.voided'],
    because: 'stock and money come back by `order.cancelled`, and a decided order is never pending again',
  },
  {
    of: 'order',
    is: 'pending',
    hears: ['notification.sent'],
    because: 'customers are told of outcomes, and a pending order has none',
  },
  {
    of: 'order',
    is: 'confirmed',
    hears: ['stock.rejected'],
    because: 'it was captured, so its stock was held, and inventory answers an order once: held or rejected',
  },
  {
    of: 'order',
    is: 'confirmed',
    hears: ['payment.declined'],
    because: 'it was captured, and the key of a capture has one result at the provider',
  },
  {
    of: 'order',
    is: 'confirmed',
    hears: ['stock.released', 'payment.refunded', 'payment.voided'],
    because: 'stock and money come back by `order.cancelled`, and a cancelled order is never confirmed again',
  },
  {
    of: 'stock',
    is: 'unseen',
    hears: ['order.confirmed'],
    because: 'it was captured, so its stock was held before',
  },
  {
    of: 'stock',
    is: 'rejected',
    hears: ['order.confirmed'],
    because: 'nothing is captured for an order whose stock is not held',
  },
  ...(['released', 'tombstone'] as const).map((is): Unreachable => ({
    ...{ of: 'stock', is, hears: ['order.confirmed'] },
    because: '`order.cancelled` was heard, and comes last of the outcomes of an order: one topic, one key',
  })),
  {
    of: 'notification',
    is: 'told of confirmed',
    hears: ['order.confirmed'],
    because: 'an order is confirmed at most once',
  },
  ...(['told of cancelled', 'told of both'] as const).map((is): Unreachable => ({
    ...{ of: 'notification', is, hears: ['order.confirmed', 'order.cancelled'] },
    because: 'an order is cancelled at most once, and nothing is decided after that',
  })),
];
