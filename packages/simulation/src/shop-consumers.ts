import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { OrderId } from '@sagamart/contracts/ids';
import { readers } from './order-life.ts';
import * as participants from './participants.ts';
import { forgetCalls } from './shop-provider.ts';
import { become, broken, isWholeStockRight, moveOrder, movePayment, told } from './shop-changes.ts';
import { timeAt, type Happening, type Shop, type ShopStep } from './shop.ts';

/** One batch: each message is handled once, and the offset is committed after it, or not yet. */
export function hear(shop: Shop, { reader, messages, commits }: ShopStep & { does: 'hear' }): Happening {
  const [subscription, state] = [readers[reader], shop.readers[reader]];
  if (subscription === undefined || state === undefined) return 'idle';
  const log = shop.topics[subscription.topic];
  if (state.next === log.length) return 'idle';
  const end = Math.min(log.length, state.next + messages);
  while (state.next < end) {
    const event = log[state.next++];
    const happening = event === undefined ? 'idle' : handle(shop, reader, event);
    if (typeof happening === 'object') return happening;
  }
  if (commits) state.committed = state.next;
  return 'done';
}

function handle(shop: Shop, reader: number, event: ShopEvent): Happening {
  const by = readers[reader]?.by;
  const handled = shop.readers[reader]?.handled;
  const orderId = event.subject as OrderId;
  const life = shop.lives.get(orderId);
  // A shorter story may leave out the order: then nobody has said this.
  if (by === undefined || handled === undefined || life === undefined) return 'idle';
  const before = handled.get(orderId) ?? [];
  const what = `${by} hears ${event.type} of ${orderId}`;
  if (shop.rules.isKnown(before, event)) return told(shop, `${what} again, and knows it`);
  handled.set(orderId, [...before, event]);
  const { rules } = shop;
  switch (by) {
    case 'inventory': {
      const outcome = participants.inventoryHears(rules, life.reservation, event, shop.stock, timeAt(shop, 'order'));
      if ('unreachable' in outcome) return broken(shop, orderId, what, 'no unreachable pair is met');
      shop.stock = outcome.stock;
      const after = become(shop, orderId, what, { reservation: outcome.row }, outcome.events);
      return typeof after === 'object' || isWholeStockRight(shop)
        ? after
        : broken(shop, orderId, what, 'stock adds up');
    }
    case 'payment': {
      const outcome = participants.paymentHears(rules, life.payment, event, timeAt(shop, 'payment'));
      return movePayment(shop, orderId, what, outcome);
    }
    case 'notification': {
      const outcome = participants.notificationHears(rules, life.correspondence, event, timeAt(shop, 'order'));
      if ('unreachable' in outcome) return broken(shop, orderId, what, 'no unreachable pair is met');
      return become(shop, orderId, what, { correspondence: outcome.row }, outcome.events);
    }
    case 'order':
      return moveOrder(shop, orderId, what, participants.orderHears(rules, life.order, event, timeAt(shop, 'order')));
    default:
      return by satisfies never;
  }
}

/** Parked because its id seemed to lie outside the inbox's window, so without an inbox row, and discarded by an operator. */
export function discard(shop: Shop, reader: number): Happening {
  const [subscription, state] = [readers[reader], shop.readers[reader]];
  const event = subscription === undefined ? undefined : shop.topics[subscription.topic][state?.next ?? 0];
  if (
    event === undefined ||
    state === undefined ||
    event.type === 'order.confirmed' ||
    event.type === 'order.cancelled'
  )
    return 'idle';
  state.next++;
  shop.discarded.add(event.subject as OrderId);
  return told(
    shop,
    `${event.type} of ${event.subject} is parked at ${subscription?.by} without an inbox row, and discarded`,
  );
}

export function replay(shop: Shop, reader: number): Happening {
  const [subscription, state] = [readers[reader], shop.readers[reader]];
  if (state === undefined || state.next === 0) return 'idle';
  state.next = 0;
  state.committed = 0;
  return told(shop, `${subscription?.by} begins ${subscription?.topic} again from offset 0`);
}

export function crash(shop: Shop, service: string): Happening {
  for (const [index, { by }] of readers.entries()) {
    const state = shop.readers[index];
    if (by === service && state !== undefined) state.next = state.committed;
  }
  if (service === 'payment') forgetCalls(shop);
  return told(shop, `${service} dies, and starts again`);
}
