import type { Envelope, ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventType } from '@sagamart/contracts/events';
import type { EventId, OrderId, Sku } from '@sagamart/contracts/ids';
import { heardByInventory, type ReservationRow as WithStock } from '@sagamart/inventory/reservation';
import type { Stock } from '@sagamart/inventory/stock';
import { heardByNotification, type CorrespondenceRow, type MailInput } from '@sagamart/notification/notification';
import { heardByOrder, type OrderInput, type OrderRow } from '@sagamart/order/order';
import { heardByPayment, type Payment, type PaymentRow, type Reply } from '@sagamart/payment/payment';
import { step, type Aggregate, type Step, type Unreachable } from '@sagamart/service-kit/aggregate';
import type { Clock, Counters } from '@sagamart/service-kit/transition';
import type { Rules } from './rules.ts';

// Who subscribes to what, and which row it moves. All else is the services' own.

export type { CorrespondenceRow, OrderRow, PaymentRow };
/** Without the stock, which all orders share. */
export type ReservationRow = Omit<WithStock, 'stock' | 'moved'>;

/** What a transaction writes, or that the saga never brings this event to this row. */
export type Outcome<Row> = Step<Row> | Unreachable;

export function orderHears(rules: Rules, before: OrderRow, event: ShopEvent, now: Date): Outcome<OrderRow> {
  return isOf(heardByOrder, event) ? heard(take(rules.order, before, event, now)) : unchanged(before);
}

/** Null: the order is as it was. */
export function orderTakes(
  rules: Rules,
  before: OrderRow,
  input: Exclude<OrderInput, ShopEvent>,
  now: Date,
): Outcome<OrderRow> | null {
  const after = take(rules.order, before, input, now);
  return 'refused' in after ? null : after;
}

export function inventoryHears(
  rules: Rules,
  before: ReservationRow,
  event: ShopEvent,
  stock: ReadonlyMap<Sku, Stock>,
  now: Date,
): (Step<ReservationRow> & { readonly stock: ReadonlyMap<Sku, Stock> }) | Unreachable {
  if (!isOf(heardByInventory, event)) return { ...unchanged(before), stock };
  const after = take(rules.inventory, { ...before, stock, moved: [] }, event, now);
  if (!('row' in after)) return after;
  const { stock: left, moved: _, ...row } = after.row;
  return { row, events: after.events, stock: left };
}

export function paymentHears(rules: Rules, before: PaymentRow, event: ShopEvent, now: Date): Outcome<PaymentRow> {
  return isOf(heardByPayment, event) ? take(rules.payment, before, event, now) : unchanged(before);
}

/** Takes a reply on the row as it is now, which may have moved since the provider was asked. */
export function paymentTakes(rules: Rules, before: PaymentRow, reply: Reply, now: Date): Outcome<PaymentRow> {
  return take(rules.payment, before, reply, now);
}

export function notificationHears(
  rules: Rules,
  before: CorrespondenceRow,
  event: ShopEvent,
  now: Date,
): Outcome<CorrespondenceRow> {
  return isOf(heardByNotification, event) ? heard(take(rules.notification, before, event, now)) : unchanged(before);
}

/** Null: the end of this notification was recorded before. */
export function notificationTakes(
  rules: Rules,
  before: CorrespondenceRow,
  input: MailInput,
  now: Date,
): Step<CorrespondenceRow> | null {
  const after = take(rules.notification, before, input, now);
  return 'row' in after ? after : null;
}

/** The state of a payment as the tables of docs/checkout.md name it. */
export function paymentWord(payment: Payment): string {
  if (payment.status !== 'waiting') return payment.status;
  if (payment.terms === null) return payment.stockReserved ? 'waiting for terms' : 'waiting for both';
  return payment.stockReserved ? 'waiting for the end' : 'waiting for stock';
}

/** What a customer was told of an order, as the tables of docs/checkout.md name it. */
export function correspondenceWord({ notifications }: CorrespondenceRow): string {
  if (notifications.length > 1) return 'told of both';
  return `told of ${notifications[0]?.notification.outcome ?? 'nothing'}`;
}

/** An event's id follows from who says it, of which order, as the how manieth: the same story always has the same ids. */
export function clockOf(source: string, orderId: OrderId, { version }: Counters, now: Date): Clock {
  let emitted = version;
  return { now: () => now, newEventId: () => `${orderId}${source}/${++emitted}` as EventId };
}

function take<Row extends Counters & ({ orderId: OrderId } | { order: { orderId: OrderId } }), Input, R extends string>(
  aggregate: Aggregate<Row, Input, R>,
  before: Row,
  input: Input,
  now: Date,
) {
  const { orderId } = 'order' in before ? before.order : before;
  return step(aggregate, before, input, clockOf(aggregate.source, orderId, before, now));
}

/** An event is never refused. */
function heard<Row>(after: Outcome<Row> | { readonly refused: string }): Outcome<Row> {
  return 'refused' in after ? { unreachable: after.refused } : after;
}

function isOf<T extends EventType>(
  types: readonly T[],
  event: Envelope & { readonly type: string },
): event is ShopEvent<T> {
  return (types as readonly string[]).includes(event.type);
}

function unchanged<Row>(row: Row): Step<Row> {
  return { row, events: [] };
}
