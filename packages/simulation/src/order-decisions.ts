import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventId, OrderId } from '@sagamart/contracts/ids';
import type { Owed, ProviderReply } from '@sagamart/payment/payment';
import { cancelWindowMs, type Hearing, type Reader } from './order-life.ts';
import { paymentTimes, type World } from './order-world.ts';
import { createTable, remembered } from './part-table.ts';
import * as participants from './participants.ts';
import type { Outcome } from './participants.ts';
import { callFor, executeCall, refundByHand, type Call } from './provider-calls.ts';
import type { Rules } from './rules.ts';

/** Hears of every pair of state and event that a service meets. */
export type Meet = (service: string, state: string, event: string) => void;

/** A message that comes again: whether the inbox knows it, and what is still out there as discarded once it has come. */
export type HeardAgain = {
  readonly step: Hearing;
  readonly isKnown: boolean;
  readonly discarded: World['discarded'];
};

/** Each decision is asked once for the same rows, event and time. */
export function rememberedDecisions(rules: Rules, meet: Meet) {
  const { inTime } = paymentTimes;
  const calls = createTable<Call>();
  return {
    order: remembered((row: World['order'], event: ShopEvent, now: Date) => {
      meet('order', row.order.status, event.type);
      return participants.orderHears(rules, row, event, now);
    }),
    cancel: remembered((row: World['order'], now: Date) =>
      participants.orderTakes(rules, row, { type: 'cancel', ...about(row.order), cancelWindowMs }, now),
    ),
    timeOut: remembered((row: World['order'], now: Date) =>
      participants.orderTakes(rules, row, { type: 'time_out', ...about(row.order) }, now),
    ),
    inventory: remembered((row: World['reservation'], event: ShopEvent, stock: World['stock']) => {
      meet('stock', row.reservation.status, event.type);
      return participants.inventoryHears(rules, row, event, stock, inTime);
    }),
    payment: remembered((row: World['payment'], event: ShopEvent, now: Date) => {
      meet('payment', participants.paymentWord(row.payment), event.type);
      return participants.paymentHears(rules, row, event, now);
    }),
    settle: remembered((row: World['payment'], orderId: OrderId, causeId: Call['causeId'], reply: ProviderReply) =>
      participants.paymentTakes(rules, row, { type: 'reply', ...about({ orderId }), causeId, reply }, inTime),
    ),
    conclusion: remembered((owed: Owed) => rules.concludeFromSilence(owed)),
    notification: remembered((row: World['correspondence'], event: ShopEvent): Outcome<World['correspondence']> => {
      meet('notification', participants.correspondenceWord(row), event.type);
      return participants.notificationHears(rules, row, event, inTime);
    }),
    mailIsTaken: remembered((row: World['correspondence'], outcome: 'confirmed' | 'cancelled') =>
      participants.notificationTakes(rules, row, { type: 'taken', ...about(row), outcome, sentAt: inTime }, inTime),
    ),
    mailIsRefused: remembered((row: World['correspondence'], outcome: 'confirmed' | 'cancelled') =>
      participants.notificationTakes(rules, row, { type: 'refused', ...about(row), outcome }, inTime),
    ),
    provider: remembered((ledger: World['ledger'], orderId: OrderId, call: Call) => {
      const done = executeCall(rules, ledger, orderId, call);
      return { ledger: done.ledger, call: calls.one(done.call) };
    }),
    byHand: remembered((ledger: World['ledger'], orderId: OrderId) => refundByHand(rules, ledger, orderId)),
    call: remembered((owed: Owed, causeId: Call['causeId']) => calls.one(callFor(owed, causeId))),
    withCall: remembered((under: World['calls'], call: Call) =>
      [...under, call].toSorted((a, b) => calls.idOf(a) - calls.idOf(b)),
    ),
    withoutCall: remembered((under: World['calls'], call: Call) => under.toSpliced(under.indexOf(call), 1)),
    withMail: remembered((mails: World['mailbox'], outcome: string) => [...mails, outcome]),
    /** What the inbox says of each message that was heard, should it come again, and of the next one. */
    inbox: remembered((log: readonly ShopEvent[], heard: number, reader: Reader, discarded: World['discarded']) => {
      const handled = log.slice(0, heard).filter(({ id }) => !discarded.some(isOf(reader, id)));
      const next = log[heard];
      return {
        heard: log.slice(0, heard).map((event): HeardAgain => ({
          step: { does: 'hears again', reader, event },
          isKnown: rules.isKnown(handled, event),
          discarded: withoutDiscarded(discarded, reader, event.id),
        })),
        knowsNext: next !== undefined && rules.isKnown(handled, next),
      };
    }),
    withDiscarded: remembered((discarded: World['discarded'], reader: Reader, eventId: EventId) => [
      ...discarded,
      { reader, eventId },
    ]),
    append: remembered((log: readonly ShopEvent[], says: readonly ShopEvent[]) => [...log, ...says]),
  };
}

/** Nothing is traced here. */
function about({ orderId }: { orderId: OrderId }) {
  return { orderId, traceparent: null };
}

function withoutDiscarded(discarded: World['discarded'], reader: Reader, eventId: EventId): World['discarded'] {
  const left = discarded.filter((each) => !isOf(reader, eventId)(each));
  return left.length === discarded.length ? discarded : left;
}

function isOf(reader: Reader, id: EventId): (discarded: World['discarded'][number]) => boolean {
  return (discarded) => discarded.reader === reader && discarded.eventId === id;
}
