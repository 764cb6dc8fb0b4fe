import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { OrderId, Sku } from '@sagamart/contracts/ids';
import type { Stock } from '@sagamart/inventory/stock';
import type { Product } from '@sagamart/order/order';
import type { Breach } from './invariants.ts';
import { readers, type OrderLife, type SagaTopic } from './order-life.ts';
import type { Call } from './provider-calls.ts';
import type { Rules } from './rules.ts';

/** A whole shop in memory: many orders, one log a topic, and every fault between them. Steps change it in place. */
export type Shop = {
  readonly rules: Rules;
  /** How far the clocks of two services are from the true time. */
  readonly skewMs: Skew;
  timeMs: number;
  readonly lives: Map<OrderId, OrderLife>;
  stock: ReadonlyMap<Sku, Stock>;
  readonly supplied: Map<Sku, number>;
  /** The order service's copy. */
  readonly catalogue: Map<Sku, Product>;
  /** As published: what is published again stands in it again. */
  readonly topics: Readonly<Record<SagaTopic, ShopEvent[]>>;
  readonly readers: readonly ReaderState[];
  readonly calls: CallUnderWay[];
  /** Orders of which a message was discarded: they balance, but not everything of them was heard. */
  readonly discarded: Set<OrderId>;
  /** The story so far, if it is told. */
  readonly story: string[] | null;
};

export type Skew = { readonly order: number; readonly payment: number };

type ReaderState = { next: number; committed: number; readonly handled: Map<OrderId, ShopEvent[]> };

/** Of a call that nobody waits for any more the answer is lost, but the request may still arrive. */
export type CallUnderWay = { readonly orderId: OrderId; call: Call; isAwaited: boolean };

/** A rule that a step broke, and of which order. */
export type ShopBreach = { readonly breach: Breach; readonly about: string };

/** One thing that happens. A step names whom it is about, so that it means the same when steps before it are left out. */
export type ShopStep =
  | {
      readonly does: 'place';
      readonly order: OrderId;
      readonly lines: Lines;
      readonly card: string;
      readonly email: string | null;
    }
  | { readonly does: 'hear'; readonly reader: number; readonly messages: number; readonly commits: boolean }
  | { readonly does: 'discard' | 'replay'; readonly reader: number }
  | { readonly does: 'crash'; readonly service: string }
  | { readonly does: 'publish again'; readonly topic: keyof Shop['topics']; readonly messages: number }
  | { readonly does: 'ask'; readonly order: OrderId }
  | { readonly does: 'mail' | 'note mail'; readonly order: OrderId }
  | { readonly does: 'refuse mail'; readonly order: OrderId }
  | { readonly does: 'cancel' | 'sweep'; readonly order: OrderId }
  | { readonly does: 'refund by hand'; readonly order: OrderId }
  | { readonly does: 'reach' | 'answer' | 'lose'; readonly order: OrderId; readonly call: number }
  | { readonly does: 'wait'; readonly ms: number }
  | { readonly does: 'restock'; readonly sku: Sku; readonly quantity: number }
  | { readonly does: 'change price'; readonly sku: Sku; readonly priceMinor: number };

type Lines = readonly { readonly sku: Sku; readonly quantity: number }[];

/** What a step came to: `idle` when there was nothing to do. */
export type Happening = 'idle' | 'done' | ShopBreach;

export const skus = ['MUG', 'BAG', 'PEN'] as Sku[];

const beganAt = Date.UTC(2026, 0, 1);

export function openShop(rules: Rules, skewMs: Skew, onHand: readonly number[], story: string[] | null): Shop {
  const unitsOf = (index: number): number => onHand[index] ?? 0;
  const supplies = skus.map((sku, index) => `${unitsOf(index)} ${sku}`).join(', ');
  const clocks = `the clock of order is ${skewMs.order / 1_000} s ahead, that of payment ${skewMs.payment / 1_000} s`;
  story?.push(`on hand are ${supplies}; ${clocks}`);
  return {
    rules,
    skewMs,
    timeMs: beganAt,
    lives: new Map(),
    stock: new Map(skus.map((sku, index) => [sku, { onHand: unitsOf(index), held: 0, committed: 0 }])),
    supplied: new Map(skus.map((sku, index) => [sku, unitsOf(index)])),
    catalogue: new Map(skus.map((sku) => [sku, { sku, name: sku, priceMinor: 1000, currency: 'EUR' }])),
    topics: { 'order.events': [], 'inventory.events': [], 'payment.events': [], 'notification.events': [] },
    readers: readers.map(() => ({ next: 0, committed: 0, handled: new Map() })),
    calls: [],
    discarded: new Set(),
    story,
  };
}

export function timeAt(shop: Shop, service: keyof Skew): Date {
  return new Date(shop.timeMs + shop.skewMs[service]);
}
