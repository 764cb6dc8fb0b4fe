import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventBody } from '@sagamart/contracts/events';
import { newId, type CustomerId, type OrderId, type Sku } from '@sagamart/contracts/ids';
import { skuOf } from '@sagamart/test-kit/event-builder';
import {
  cancel,
  place,
  react,
  timeOut,
  type HeardByOrder,
  type Order,
  type OrderState,
  type Product,
  type Reaction,
} from './order.ts';

const now = new Date('2026-01-01T12:00:00.000Z');
const time = { now, checkoutDeadlineMs: 60_000 };
const mug = skuOf('MUG');
const lamp = skuOf('LAMP');
const dollarHat = skuOf('HAT');
const yacht = skuOf('YACHT');
const catalogue = new Map<Sku, Product>([
  [mug, { sku: mug, name: 'Mug', priceMinor: 1490, currency: 'EUR' }],
  [lamp, { sku: lamp, name: 'Lamp', priceMinor: 8900, currency: 'EUR' }],
  [yacht, { sku: yacht, name: 'Yacht', priceMinor: 100_000_000, currency: 'EUR' }],
  [dollarHat, { sku: dollarHat, name: 'Hat', priceMinor: 2500, currency: 'USD' }],
]);

function command(lines: { sku: Sku; quantity: number; expectedPriceMinor?: number }[]) {
  return { orderId: newId<OrderId>(), customerId: newId<CustomerId>(), email: null, lines, paymentMethod: 'tok_visa' };
}

function placedOrder(): Order {
  const placed = place(command([{ sku: mug, quantity: 2 }]), catalogue, time);
  assert.ok('order' in placed);
  return placed.order;
}

test('an order is charged the catalogue prices, and has a deadline', () => {
  const placed = place(
    command([
      { sku: mug, quantity: 2 },
      { sku: lamp, quantity: 1, expectedPriceMinor: 8900 },
    ]),
    catalogue,
    time,
  );
  assert.ok('order' in placed);
  assert.equal(placed.order.totalMinor, 2 * 1490 + 8900);
  assert.equal(placed.order.deadline, '2026-01-01T12:01:00.000Z');
  assert.deepEqual(
    placed.says.map((said) => [said.type, said.data.totalMinor]),
    [['order.placed', 11_880]],
  );
});

test('an order is refused with the line at fault', () => {
  const cases: [Parameters<typeof command>[0], unknown][] = [
    [
      [
        { sku: mug, quantity: 1 },
        { sku: skuOf('NO-SUCH'), quantity: 1 },
      ],
      { refused: 'unknown_sku', line: 1 },
    ],
    [
      [
        { sku: mug, quantity: 1 },
        { sku: dollarHat, quantity: 1 },
      ],
      { refused: 'mixed_currencies', line: 1 },
    ],
    [[{ sku: mug, quantity: 1, expectedPriceMinor: 1 }], { refused: 'price_changed', line: 0, priceMinor: 1490 }],
    [Array.from({ length: 11 }, () => ({ sku: yacht, quantity: 99 })), { refused: 'total_too_large' }],
  ];
  for (const [lines, refusal] of cases) assert.deepEqual(place(command(lines), catalogue, time), refusal);
});

// Rows: what an order hears. Columns: what becomes of one that is pending, confirmed, cancelled. Written by hand from design section 4.
const table: [HeardByOrder, string, string, string][] = [
  ['stock.reserved', 'pending', 'confirmed', 'cancelled'],
  ['stock.rejected', 'cancelled out_of_stock', 'unreachable', 'cancelled'],
  ['stock.committed', 'unreachable', 'confirmed', 'cancelled'],
  ['stock.released', 'unreachable', 'unreachable', 'cancelled'],
  ['payment.captured', 'confirmed, says order.confirmed', 'confirmed', 'cancelled'],
  ['payment.declined', 'cancelled payment_declined', 'unreachable', 'cancelled'],
  ['payment.refunded', 'unreachable', 'unreachable', 'cancelled'],
  ['payment.voided', 'unreachable', 'unreachable', 'cancelled'],
  ['notification.sent', 'unreachable', 'confirmed', 'cancelled'],
];
const states: OrderState[] = [
  { status: 'pending' },
  { status: 'confirmed', confirmedAt: '2026-01-01T12:00:01.000Z' },
  { status: 'cancelled', reason: 'out_of_stock', cancelledAt: '2026-01-01T12:00:01.000Z', confirmedAt: null },
];

for (const [type, ...expected] of table) {
  for (const [column, state] of states.entries()) {
    test(`${type} at an order that is ${state.status}: ${expected[column]}`, () => {
      const order: Order = { ...placedOrder(), ...state };
      assert.equal(inWords(react(order, bodyOf(type, order), now), order), expected[column]);
    });
  }
}

test('what customers were told is known once, however often it is said', () => {
  let order: Order = { ...placedOrder(), status: 'confirmed', confirmedAt: '2026-01-01T12:00:01.000Z' };
  for (let times = 1; times <= 3; times += 1) {
    const reaction = react(order, bodyOf('notification.sent', order), now);
    assert.ok(reaction !== 'unreachable');
    order = reaction.order;
  }
  assert.equal(order.heard.notifications.length, 1);
});

test('a capture of another amount or currency is never taken for this order', () => {
  const order = placedOrder();
  const data = { orderId: order.orderId, captureId: 'c1', amountMinor: order.totalMinor, currency: order.currency };
  assert.equal(react(order, { type: 'payment.captured', data: { ...data, amountMinor: 1 } }, now), 'unreachable');
  assert.equal(react(order, { type: 'payment.captured', data: { ...data, currency: 'USD' } }, now), 'unreachable');
});

const windowMs = 900_000;
const confirmedAt = '2026-01-01T11:50:00.000Z';

test('the first word of stock or payment takes nothing back when it comes after the last', () => {
  const { order } = timeOut(placedOrder(), now);
  const { orderId, totalMinor: amountMinor, currency } = order;
  const heard = { stock: 'released', payment: 'refunded', notifications: [] } as const;
  const news: EventBody<HeardByOrder>[] = [
    { type: 'stock.reserved', data: { orderId, lines: [{ sku: mug, quantity: 2 }] } },
    { type: 'payment.captured', data: { orderId, captureId: 'c-1', amountMinor, currency } },
  ];
  for (const event of news) {
    const reaction = react({ ...order, heard }, event, now);
    assert.ok(reaction !== 'unreachable');
    assert.deepEqual(reaction.order.heard, heard, event.type);
  }
});

test('a customer may cancel while the order is pending, and for a while after it was confirmed', () => {
  const pending = placedOrder();
  const confirmed: Order = { ...pending, status: 'confirmed', confirmedAt };
  for (const [before, keeps] of [
    [pending, null],
    [confirmed, confirmedAt],
  ] as const) {
    const cancellation = cancel(before, now, windowMs);
    assert.ok(typeof cancellation === 'object');
    assert.partialDeepStrictEqual(cancellation.order, {
      status: 'cancelled',
      reason: 'customer_cancelled',
      confirmedAt: keeps,
    });
    assert.deepEqual(
      cancellation.says.map((said) => said.type),
      ['order.cancelled'],
    );
  }
});

test('the window closes, and an order is cancelled once', () => {
  const pending = placedOrder();
  const old: Order = { ...pending, status: 'confirmed', confirmedAt: '2026-01-01T11:44:59.999Z' };
  assert.equal(cancel(old, now, windowMs), 'window_closed');
  for (const state of states.filter(({ status }) => status === 'cancelled')) {
    assert.equal(cancel({ ...pending, ...state }, now, windowMs), 'already');
  }
});

test('a deadline cancels what is pending and nothing else', () => {
  const pending = placedOrder();
  assert.partialDeepStrictEqual(timeOut(pending, now).order, { status: 'cancelled', reason: 'timed_out' });
  for (const state of states.filter(({ status }) => status !== 'pending')) {
    const order = { ...pending, ...state };
    assert.deepEqual(timeOut(order, now), { order, says: [] });
  }
});

test('an outcome carries all that notification needs', () => {
  const order = { ...placedOrder(), email: 'ada@example.org' };
  const reaction = react(order, bodyOf('payment.captured', order), now);
  assert.ok(reaction !== 'unreachable');
  assert.deepEqual(reaction.says[0]?.data, {
    orderId: order.orderId,
    customerId: order.customerId,
    contact: { email: 'ada@example.org' },
    lines: order.lines,
    totalMinor: 2980,
    currency: 'EUR',
    confirmedAt: now.toISOString(),
  });
});

function inWords(reaction: Reaction, before: Order): string {
  if (reaction === 'unreachable') return reaction;
  const { order, says } = reaction;
  if (order.status === before.status) {
    assert.equal(says.length, 0);
    return order.status;
  }
  assert.deepEqual(
    says.map((said) => said.type),
    [`order.${order.status}`],
  );
  return order.status === 'cancelled' ? `cancelled ${order.reason}` : `${order.status}, says ${says[0]?.type}`;
}

function bodyOf(type: HeardByOrder, { orderId, totalMinor, currency }: Order): EventBody<HeardByOrder> {
  const lines = [{ sku: mug, quantity: 2 }];
  switch (type) {
    case 'stock.reserved':
    case 'stock.committed':
    case 'stock.released':
      return { type, data: { orderId, lines } };
    case 'stock.rejected':
      return { type, data: { orderId, shortages: [{ sku: mug, wanted: 2, available: 0 }] } };
    case 'payment.captured':
      return { type, data: { orderId, captureId: 'c1', amountMinor: totalMinor, currency } };
    case 'payment.declined':
      return { type, data: { orderId, declineReason: 'insufficient_funds' } };
    case 'payment.refunded':
      return { type, data: { orderId, captureId: 'c1', refundId: 'r1', amountMinor: totalMinor, currency } };
    case 'payment.voided':
      return { type, data: { orderId } };
    case 'notification.sent':
      return { type, data: { orderId, outcome: 'confirmed', messageId: 'm1' } };
    default:
      return type satisfies never;
  }
}
