import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventData } from '@sagamart/contracts/events';
import type { OrderId, Sku } from '@sagamart/contracts/ids';
import type { Topic } from '@sagamart/contracts/topics';
import { UnreachablePair, type Participant } from '@sagamart/service-kit/participant';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { causedBy, transition, type Clock } from '@sagamart/service-kit/transition';
import { withinTrace } from '@sagamart/telemetry/trace-context';
import { heardByOrder, react, type HeardByOrder } from './order.ts';
import { lockOrders, updateOrders, type StoredOrder } from './order-store.ts';
import { lockProducts, updateProducts, type ProductUpdate } from './product-store.ts';
import { measureOutcomes } from './saga-metrics.ts';
import { appendToTimeline, type OrderEvent } from './timeline-store.ts';

export const topics: readonly Topic[] = ['inventory.events', 'payment.events', 'notification.events', 'catalog.events'];

export const source = '/order';

type Work = {
  orders: Map<OrderId, StoredOrder>;
  products: Map<Sku, { version: number; lamport: number }>;
  productUpdates: Map<Sku, ProductUpdate>;
  said: OrderEvent[];
  heard: OrderEvent[];
};

/** How the order service takes part: it decides orders by what stock and payment say, and keeps its copy of the catalogue. */
export function createParticipant(clock: Clock): Participant<Work, HeardByOrder | 'product.changed'> {
  return {
    hears: [...heardByOrder, 'product.changed'],

    load: async (tx, events) => {
      const orderIds = new Set<OrderId>();
      const skus = new Set<Sku>();
      for (const event of events) {
        if (event.type === 'product.changed') skus.add(event.data.sku);
        else orderIds.add(event.data.orderId);
      }
      const orders = orderIds.size === 0 ? [] : await lockOrders(tx, [...orderIds]);
      const products = skus.size === 0 ? new Map<Sku, never>() : await lockProducts(tx, [...skus]);
      return {
        orders: new Map(orders.map((stored) => [stored.order.orderId, stored])),
        products,
        productUpdates: new Map(),
        said: [],
        heard: [],
      };
    },

    react: (work, event) => {
      if (event.type === 'product.changed') changeProduct(work, event, event.data, clock);
      else decideOrder(work, event, clock);
    },

    save: async (tx, work) => {
      measureOutcomes(tx, work.said);
      await Promise.all([
        work.productUpdates.size > 0 && updateProducts(tx, work.productUpdates),
        work.heard.length > 0 && updateOrders(tx, [...work.orders.values()]),
        work.heard.length > 0 && appendToTimeline(tx, [...work.heard, ...work.said]),
        appendToOutbox(tx, work.said),
      ]);
    },
  };
}

function decideOrder(work: Work, event: ShopEvent<HeardByOrder>, clock: Clock): void {
  const { orderId } = event.data;
  const before = work.orders.get(orderId);
  if (before === undefined) throw new UnreachablePair('unknown', event.type);
  const reaction = react(before.order, event, clock.now());
  if (reaction === 'unreachable') throw new UnreachablePair(before.order.status, event.type);
  const cause = { ...causedBy(event), traceparent: withinTrace(before.traceparent, event.traceparent) };
  const { lamport, version, events } = transition(source, before, cause, reaction.says, clock);
  work.orders.set(orderId, { ...before, order: reaction.order, lamport, version });
  work.heard.push(event);
  work.said.push(...events);
}

/** A copy only moves forward: an older version than the one we have changes nothing but Lamport time. */
function changeProduct(
  work: Work,
  event: ShopEvent<'product.changed'>,
  data: EventData<'product.changed'>,
  clock: Clock,
): void {
  const before = work.products.get(data.sku);
  if (before === undefined) throw new RangeError(`product ${data.sku} was not locked`);
  const { lamport } = transition(source, before, causedBy(event), [], clock);
  const isNewer = data.version > before.version;
  work.products.set(data.sku, { version: isNewer ? data.version : before.version, lamport });
  work.productUpdates.set(data.sku, {
    data: isNewer ? data : (work.productUpdates.get(data.sku)?.data ?? null),
    lamport,
  });
}
