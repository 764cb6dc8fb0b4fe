import { Type, type Static, type TObject } from 'typebox';
import { CustomerId, OrderId, Sku } from './ids.ts';
import { Currency, Minor, PriceMinor } from './money.ts';
import type { Topic } from './topics.ts';

/** A point in time as events and headers carry it. */
export const Time = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  description: 'RFC 3339, UTC, milliseconds',
});
const Quantity = Type.Integer({ minimum: 1, maximum: 4950 });
const quantities = Type.Array(Type.Object({ sku: Sku, quantity: Quantity }), { minItems: 1, maxItems: 50 });

export const OrderLine = Type.Object({
  sku: Sku,
  name: Type.String(),
  quantity: Type.Integer({ minimum: 1, maximum: 99 }),
  unitPriceMinor: PriceMinor,
});
export type OrderLine = Static<typeof OrderLine>;

export const CancelReason = Type.Enum(['out_of_stock', 'payment_declined', 'timed_out', 'customer_cancelled']);
export type CancelReason = Static<typeof CancelReason>;

/** What notification needs to tell the customer, carried by both outcomes. */
const outcome = {
  orderId: OrderId,
  customerId: CustomerId,
  contact: Type.Object({ email: Type.Union([Type.String(), Type.Null()]) }),
  lines: Type.Array(OrderLine, { minItems: 1, maxItems: 50 }),
  totalMinor: Minor,
  currency: Currency,
};

/**
 * Every event of the shop: its topic, its major version and the schema of its data (the Kafka value).
 * A contract only grows: a new required field is a new major version, and consumers ignore fields they do not know.
 */
export const eventTypes = {
  'order.placed': event('order.events', {
    orderId: OrderId,
    customerId: CustomerId,
    lines: Type.Array(OrderLine, { minItems: 1, maxItems: 50 }),
    totalMinor: Minor,
    currency: Currency,
    paymentMethod: Type.String({ minLength: 1, maxLength: 64 }),
    deadline: Time,
  }),
  'order.confirmed': event('order.events', { ...outcome, confirmedAt: Time }),
  'order.cancelled': event('order.events', {
    ...outcome,
    reason: CancelReason,
    cancelledAt: Time,
    confirmedAt: Type.Union([Time, Type.Null()]),
  }),
  'stock.reserved': event('inventory.events', { orderId: OrderId, lines: quantities }),
  'stock.rejected': event('inventory.events', {
    orderId: OrderId,
    shortages: Type.Array(Type.Object({ sku: Sku, wanted: Quantity, available: Type.Integer({ minimum: 0 }) }), {
      minItems: 1,
    }),
  }),
  'stock.committed': event('inventory.events', { orderId: OrderId, lines: quantities }),
  'stock.released': event('inventory.events', { orderId: OrderId, lines: quantities }),
  'payment.captured': event('payment.events', {
    orderId: OrderId,
    captureId: Type.String(),
    amountMinor: Minor,
    currency: Currency,
  }),
  'payment.declined': event('payment.events', { orderId: OrderId, declineReason: Type.String() }),
  'payment.refunded': event('payment.events', {
    orderId: OrderId,
    captureId: Type.String(),
    refundId: Type.String(),
    amountMinor: Minor,
    currency: Currency,
  }),
  'payment.voided': event('payment.events', { orderId: OrderId }),
  'notification.sent': event('notification.events', {
    orderId: OrderId,
    outcome: Type.Enum(['confirmed', 'cancelled']),
    messageId: Type.String(),
  }),
  'product.changed': event('catalog.events', {
    sku: Sku,
    version: Type.Integer({ minimum: 1 }),
    name: Type.String(),
    description: Type.String(),
    priceMinor: PriceMinor,
    currency: Currency,
  }),
};

export type EventType = keyof typeof eventTypes;
export type EventData<T extends EventType> = Static<(typeof eventTypes)[T]['data']>;

/** The part of an event that a decision reads or says: a union over its type. */
export type EventBody<T extends EventType = EventType> = {
  [K in T]: { readonly type: K; readonly data: EventData<K> };
}[T];

/** True for a type of this build's contracts. An event of another type is recorded, never acted on. */
export function isEventType(text: string): text is EventType {
  return Object.hasOwn(eventTypes, text);
}

/** The Kafka key and CloudEvents subject of an event: the order it is about, or the product. */
export function partitionKeyOf(body: EventBody): OrderId | Sku {
  return body.type === 'product.changed' ? body.data.sku : body.data.orderId;
}

function event<P extends Parameters<typeof Type.Object>[0]>(
  topic: Topic,
  properties: P,
): { topic: Topic; major: number; data: TObject<P> } {
  return { topic, major: 1, data: Type.Object(properties) };
}
