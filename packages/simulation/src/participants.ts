import type { Envelope, ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventBody, EventType } from '@sagamart/contracts/events';
import type { EventId, OrderId, Sku } from '@sagamart/contracts/ids';
import { heardByInventory, moveStock, type Reservation, type Stock } from '@sagamart/inventory/reservation';
import { heardByNotification, type Ended, type Notification } from '@sagamart/notification/notification';
import { heardByOrder, type Decision, type Order } from '@sagamart/order/order';
import { heardByPayment, isOwed, type Payment, type ProviderReply } from '@sagamart/payment/payment';
import { causedBy, type Cause, type Clock, type Counters } from '@sagamart/service-kit/transition';
import type { Rules } from './rules.ts';

/** The rows of one order, one a service, as its store keeps them. */
export type OrderRow = { readonly order: Order; readonly placedEventId: EventId } & Counters;
export type ReservationRow = { readonly reservation: Reservation } & Counters;
export type PaymentRow = { readonly payment: Payment; readonly callCauseId: EventId | null } & Counters;
export type CorrespondenceRow = {
  readonly notifications: readonly { readonly notification: Notification; readonly cause: Cause }[];
} & Counters;

/** What a transaction writes, or that the saga never brings this event to this row. */
export type Outcome<Row> = { readonly row: Row; readonly says: readonly ShopEvent[] } | Unreachable;
export type Noted = Exclude<Outcome<CorrespondenceRow>, Unreachable>;
export type Unreachable = { readonly unreachable: string };

export function orderHears(rules: Rules, before: OrderRow, event: ShopEvent, now: Date): Outcome<OrderRow> {
  if (!isOf(heardByOrder, event)) return unchanged(before);
  const reaction = rules.order.react(before.order, event, now);
  if (reaction === 'unreachable') return unreachable(before.order.status, event.type);
  return decided(rules, before, reaction, causedBy(event), now);
}

/** Null: the order is as it was, and whoever asked is told so. */
export function customerCancels(
  rules: Rules,
  before: OrderRow,
  now: Date,
  cancelWindowMs: number,
): Outcome<OrderRow> | null {
  const cancellation = rules.order.cancel(before.order, now, cancelWindowMs);
  return typeof cancellation === 'string' ? null : decided(rules, before, cancellation, causeOfTimer(before), now);
}

export function deadlinePasses(rules: Rules, before: OrderRow, now: Date): Outcome<OrderRow> | null {
  const decision = rules.order.timeOut(before.order, now);
  return decision.says.length === 0 ? null : decided(rules, before, decision, causeOfTimer(before), now);
}

export function inventoryHears(
  rules: Rules,
  before: ReservationRow,
  event: ShopEvent,
  stock: ReadonlyMap<Sku, Stock>,
  now: Date,
): (Exclude<Outcome<ReservationRow>, Unreachable> & { readonly stock: ReadonlyMap<Sku, Stock> }) | Unreachable {
  if (!isOf(heardByInventory, event)) return { ...unchanged(before), stock };
  const reaction = rules.inventory.react(before.reservation, event, stock);
  if (reaction === 'unreachable') return unreachable(before.reservation.status, event.type);
  const { counters, says } = moved(rules, '/inventory', before, causedBy(event), reaction.says, now);
  const after = new Map(stock);
  const { kind, lines } = reaction.move ?? { kind: 'hold', lines: [] };
  for (const { sku, quantity } of lines) after.set(sku, moveStock(after.get(sku) ?? noStock, kind, quantity));
  return { row: { reservation: reaction.reservation, ...counters }, says, stock: after };
}

export function paymentHears(rules: Rules, before: PaymentRow, event: ShopEvent, now: Date): Outcome<PaymentRow> {
  if (!isOf(heardByPayment, event)) return unchanged(before);
  const { payment, says: bodies } = rules.payment.react(before.payment, event, now);
  const { counters, says } = moved(rules, '/payment', before, causedBy(event), bodies, now);
  const startsCall = isOwed(payment) && payment.status !== before.payment.status;
  return { row: { payment, callCauseId: startsCall ? event.id : before.callCauseId, ...counters }, says };
}

/** Records an answer on the row as it is now, which may have moved since the provider was asked. */
export function providerAnswers(
  rules: Rules,
  before: PaymentRow,
  { orderId, causeId, reply }: { orderId: OrderId; causeId: EventId | null; reply: ProviderReply },
  now: Date,
): Outcome<PaymentRow> {
  const reaction = rules.payment.settle(before.payment, orderId, reply);
  if (reaction === 'unreachable') return unreachable(paymentWord(before.payment), `reply ${reply.outcome}`);
  const cause = { causationId: causeId, lamport: 0, correlationId: orderId, traceparent: null };
  const { counters, says } = moved(rules, '/payment', before, cause, reaction.says, now);
  return { row: { ...before, payment: reaction.payment, ...counters }, says };
}

export function notificationHears(
  rules: Rules,
  before: CorrespondenceRow,
  event: ShopEvent,
  now: Date,
): Outcome<CorrespondenceRow> {
  if (!isOf(heardByNotification, event)) return unchanged(before);
  const known = before.notifications.map(({ notification }) => notification);
  const reaction = rules.notification.react({ orderId: event.data.orderId, notifications: known }, event);
  if (reaction === 'unreachable') return unreachable(correspondenceWord(before), event.type);
  const cause = causedBy(event);
  const { counters } = moved(rules, '/notification', before, cause, [], now);
  return {
    row: { notifications: [...before.notifications, { notification: reaction.told, cause }], ...counters },
    says: [],
  };
}

/** Records that the mail server has taken a notification. Null: it was recorded before. */
export function mailIsTaken(
  rules: Rules,
  before: CorrespondenceRow,
  outcome: Notification['outcome'],
  now: Date,
): Noted | null {
  return mailEnds(rules, before, outcome, (notification) => rules.notification.deliver(notification, now), now);
}

/** Records that the mail server refuses a notification for good. Null: its end was recorded before. */
export function mailIsRefused(
  rules: Rules,
  before: CorrespondenceRow,
  outcome: Notification['outcome'],
  now: Date,
): Noted | null {
  return mailEnds(rules, before, outcome, rules.notification.giveUp, now);
}

function mailEnds(
  rules: Rules,
  before: CorrespondenceRow,
  outcome: Notification['outcome'],
  end: (notification: Notification) => Ended,
  now: Date,
): Noted | null {
  const told = before.notifications.find(({ notification }) => notification.outcome === outcome);
  const ended = told === undefined ? 'already_recorded' : end(told.notification);
  if (told === undefined || ended === 'already_recorded') return null;
  const { counters, says } = moved(rules, '/notification', before, told.cause, ended.says, now);
  const notifications = before.notifications.map((each) =>
    each === told ? { ...told, notification: ended.notification } : each,
  );
  return { row: { notifications, ...counters }, says };
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

function decided(rules: Rules, before: OrderRow, decision: Decision, cause: Cause, now: Date): Outcome<OrderRow> {
  const { counters, says } = moved(rules, '/order', before, cause, decision.says, now);
  return { row: { ...before, order: decision.order, ...counters }, says };
}

function causeOfTimer({ order: { orderId }, placedEventId }: OrderRow): Cause {
  return { causationId: placedEventId, lamport: 0, correlationId: orderId, traceparent: null };
}

function moved(
  rules: Rules,
  source: string,
  before: Counters,
  cause: Cause,
  bodies: readonly EventBody[],
  now: Date,
): { counters: Counters; says: readonly ShopEvent[] } {
  const { lamport, version, events } = rules.transition(
    source,
    before,
    cause,
    bodies,
    clockOf(source, before, cause, now),
  );
  return { counters: { lamport, version }, says: events };
}

/** An event's id follows from who says it, of which order, as the how manieth: the same story always has the same ids. */
function clockOf(source: string, { version }: Counters, { correlationId }: Cause, now: Date): Clock {
  let said = version;
  return { now: () => now, newEventId: () => eventIdOf(source, correlationId, ++said) };
}

export function eventIdOf(source: string, orderId: string, version: number): EventId {
  return `${orderId}${source}/${version}` as EventId;
}

function isOf<T extends EventType>(
  heard: readonly T[],
  event: Envelope & { readonly type: string },
): event is ShopEvent<T> {
  return (heard as readonly string[]).includes(event.type);
}

const noStock: Stock = { onHand: 0, held: 0, committed: 0 };

function unchanged<Row>(row: Row): { row: Row; says: readonly ShopEvent[] } {
  return { row, says: [] };
}

function unreachable(state: string, event: string): Unreachable {
  return { unreachable: `${event} reaches ${state}` };
}
