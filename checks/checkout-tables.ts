import type { EventBody, EventType } from '../packages/contracts/src/events.ts';
import { placedData, skuOf } from '../packages/test-kit/src/event-builder.ts';
import { heardByOrder, react as reactAsOrder, type Order, type OrderState } from '../services/order/src/order.ts';
import {
  heardByInventory,
  react as reactAsInventory,
  type Reservation,
} from '../services/inventory/src/reservation.ts';
import {
  heardByNotification,
  react as reactAsNotification,
  type Correspondence,
  type Notification,
} from '../services/notification/src/notification.ts';
import { heardByPayment, react as reactAsPayment, type Payment } from '../services/payment/src/payment.ts';
import { unreachablePairs } from './unreachable-pairs.ts';

const start = '<!-- tables -->';
const end = '<!-- /tables -->';

/** A document with the tables between its markers written anew. Throws when it has no markers. */
export function withCheckoutTables(document: string): string {
  const [head, rest] = document.split(start);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`expected ${start} and ${end}`);
  return `${head}${start}\n${checkoutTables()}${end}${tail}`;
}

function checkoutTables(): string {
  return `\n${[...answerTables().map(formatTable), formatUnreachable()].join('\n')}\n`;
}

/** What one service answers to everything it hears, in every state of its aggregate: the state afterwards and what is said. */
export type AnswerTable = {
  readonly of: string;
  readonly states: readonly string[];
  readonly rows: readonly { readonly hears: EventType; readonly answers: readonly string[] }[];
};

export const unreachable = 'unreachable';

/** One table a service, as the deciding code answers now. */
export function answerTables(): AnswerTable[] {
  const order = tableOf('order', heardByOrder, orderStates, (state, type) => {
    const reaction = reactAsOrder({ ...facts, ...state }, bodyOf(type), now);
    return reaction === unreachable ? reaction : words(reaction.order.status, reaction.says);
  });
  const stock = tableOf('stock', heardByInventory, reservations, (state, type) => {
    const reaction = reactAsInventory(state, bodyOf(type), plenty);
    return reaction === unreachable ? reaction : words(reaction.reservation.status, reaction.says);
  });
  const payment = tableOf('payment', heardByPayment, payments, (state, type) => {
    const { payment: after, says } = reactAsPayment(state, bodyOf(type), now);
    return words(after.status, says);
  });
  const notification = tableOf('notification', heardByNotification, correspondences, (state, type) => {
    const reaction = reactAsNotification(state, bodyOf(type));
    return reaction === unreachable ? reaction : `tells of ${reaction.told.outcome}`;
  });
  return [order, stock, payment, notification];
}

function tableOf<State, Heard extends EventType>(
  of: string,
  heard: readonly Heard[],
  states: readonly (readonly [string, State])[],
  answer: (state: State, type: Heard) => string,
): AnswerTable {
  const rows = heard.map((hears) => ({ hears, answers: states.map(([, state]) => answer(state, hears)) }));
  return { of, states: states.map(([word]) => word), rows };
}

function formatTable({ of, states, rows }: AnswerTable): string {
  const head = `| ${of} hears ↓, is → | ${states.join(' | ')} |\n|${'---|'.repeat(states.length + 1)}\n`;
  return head + rows.map(({ hears, answers }) => `| \`${hears}\` | ${answers.join(' | ')} |\n`).join('');
}

function formatUnreachable(): string {
  const rows = unreachablePairs.map(({ of, is, hears, because }) => {
    const events = hears.map((type) => `\`${type}\``).join(', ');
    return `| ${of} | ${is} | ${events} | ${because} |\n`;
  });
  return `| of | that is | unreachable | because |\n|---|---|---|---|\n${rows.join('')}`;
}

function words(status: string, says: readonly EventBody[]): string {
  return [status, ...says.map(({ type }) => `\`${type}\``)].join(', ');
}

const now = new Date('2026-01-01T00:00:30.000Z');
const placed = placedData();
const { orderId, customerId, lines, totalMinor, currency, deadline } = placed;
const mug = skuOf('MUG');
const plenty = new Map([[mug, { onHand: 10, held: 10, committed: 10 }]]);
const held = [{ sku: mug, quantity: 2 }];
const at = '2026-01-01T00:00:01.000Z';

export const facts: Omit<Order, keyof OrderState> & { status: 'pending' } = {
  ...{ orderId, customerId, lines, totalMinor, currency, deadline },
  email: null,
  placedAt: at,
  status: 'pending',
  heard: { stock: null, payment: null, notifications: [] },
};
const cancelled = { status: 'cancelled', reason: 'customer_cancelled', cancelledAt: at } as const;
const orderStates: readonly (readonly [string, OrderState])[] = [
  ['pending', { status: 'pending' }],
  ['confirmed', { status: 'confirmed', confirmedAt: at }],
  ['cancelled', { ...cancelled, confirmedAt: null }],
];

const reservations: readonly (readonly [string, Reservation])[] = [
  ['unseen', { status: 'unseen' }],
  ['held', { status: 'held', lines: held }],
  ['rejected', { status: 'rejected' }],
  ['committed', { status: 'committed', lines: held }],
  ['released', { status: 'released', lines: held }],
  ['tombstone', { status: 'tombstone' }],
];

const terms = { amountMinor: totalMinor, currency, paymentMethod: placed.paymentMethod, deadline };
const payments: readonly (readonly [string, Payment])[] = [
  ['waiting for both', { status: 'waiting', terms: null, stockReserved: false }],
  ['waiting for stock', { status: 'waiting', terms, stockReserved: false }],
  ['waiting for terms', { status: 'waiting', terms: null, stockReserved: true }],
  ['capturing', { status: 'capturing', terms }],
  ['captured', { status: 'captured', terms, captureId: 'c1' }],
  ['declined', { status: 'declined', terms, declineReason: 'card_declined' }],
  ['voiding', { status: 'voiding', terms }],
  ['voided', { status: 'voided', terms }],
  ['refunding', { status: 'refunding', terms, captureId: 'c1' }],
  ['refunded', { status: 'refunded', terms, captureId: 'c1', refundId: 'r1' }],
];

const told = { ...{ orderId, customerId, lines, totalMinor, currency }, status: 'no_address', email: null } as const;
const toldConfirmed: Notification = { ...told, outcome: 'confirmed', confirmedAt: at };
const toldCancelled: Notification = {
  ...told,
  ...{ outcome: 'cancelled', reason: 'customer_cancelled', cancelledAt: at, confirmedAt: null },
};
const correspondences: readonly (readonly [string, Correspondence])[] = [
  ['told of nothing', { orderId, notifications: [] }],
  ['told of confirmed', { orderId, notifications: [toldConfirmed] }],
  ['told of cancelled', { orderId, notifications: [toldCancelled] }],
  ['told of both', { orderId, notifications: [toldConfirmed, toldCancelled] }],
];

/** An example of each event, all of the same order. */
export function bodyOf<T extends EventType>(type: T): Extract<EventBody, { type: T }> {
  const found = examples.find((example): example is Extract<EventBody, { type: T }> => example.type === type);
  if (found === undefined) throw new Error(`no example of ${type}`);
  return found;
}

const outcome = { orderId, customerId, contact: { email: null }, lines, totalMinor, currency };
const examples: readonly EventBody[] = [
  { type: 'order.placed', data: placed },
  { type: 'order.confirmed', data: { ...outcome, confirmedAt: at } },
  { type: 'order.cancelled', data: { ...outcome, reason: 'timed_out', cancelledAt: at, confirmedAt: null } },
  { type: 'stock.reserved', data: { orderId, lines: held } },
  { type: 'stock.rejected', data: { orderId, shortages: [{ sku: mug, wanted: 2, available: 0 }] } },
  { type: 'stock.committed', data: { orderId, lines: held } },
  { type: 'stock.released', data: { orderId, lines: held } },
  { type: 'payment.captured', data: { orderId, captureId: 'c1', amountMinor: totalMinor, currency } },
  { type: 'payment.declined', data: { orderId, declineReason: 'card_declined' } },
  { type: 'payment.voided', data: { orderId } },
  {
    type: 'payment.refunded',
    data: { orderId, captureId: 'c1', refundId: 'r1', amountMinor: totalMinor, currency },
  },
  { type: 'notification.sent', data: { orderId, outcome: 'confirmed', messageId: 'm1' } },
];
