import type { CustomerId, OrderId } from '@sagamart/contracts/ids';
import { array, assert as check, constant, constantFrom, oneof, property, record, type Arbitrary } from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeOrder, type Part } from './order-view.ts';
import {
  NotificationStep,
  Outcome,
  PaymentStep,
  StockStep,
  type NotificationRecord,
  type OrderRecord,
} from './part-view.ts';

const absent = { kind: 'absent' } as const;
const down = { kind: 'down' } as const;
const known = <T>(value: T): Part<T> => ({ kind: 'known', value });

function order(facts: Partial<OrderRecord> = {}): OrderRecord {
  return {
    orderId: '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01' as OrderId,
    customerId: '0199c0dd-10aa-7b42-9f0e-6f1d2c3b4a59' as CustomerId,
    status: 'pending',
    lines: [],
    totalMinor: 0,
    currency: 'EUR',
    deadline: '2026-11-21T10:16:30.000Z',
    placedAt: '2026-11-21T10:15:30.000Z',
    heard: {},
    ...facts,
  };
}

type Case = [
  rule: string,
  order: Partial<OrderRecord>,
  payment: Part<PaymentStep>,
  stock: Part<StockStep>,
  paymentWord: string,
  stockWord: string,
];

const stockRejected = { status: 'cancelled', reason: 'out_of_stock', heard: { stock: 'rejected' } } as const;
const declined = {
  status: 'cancelled',
  reason: 'payment_declined',
  heard: { stock: 'held', payment: 'declined' },
} as const;
const confirmed = { status: 'confirmed', heard: { stock: 'held', payment: 'captured' } } as const;
const timedOut = { status: 'cancelled', reason: 'timed_out' } as const;

const cases: Case[] = [
  ['a new order waits for both', {}, absent, absent, 'waiting', 'waiting'],
  ['a payment that knows the amount waits', {}, known('waiting'), absent, 'waiting', 'waiting'],
  ['held stock shows', {}, known('waiting'), known('held'), 'waiting', 'held'],
  ['a running capture shows', {}, known('capturing'), known('held'), 'capturing', 'held'],
  ['a capture implies that stock was held', {}, known('captured'), absent, 'captured', 'held'],
  [
    'what the order heard raises a part that was read before',
    { heard: { payment: 'captured' } },
    known('waiting'),
    absent,
    'captured',
    'held',
  ],
  [
    'rejected stock shows before the order is cancelled',
    {},
    known('waiting'),
    known('rejected'),
    'waiting',
    'rejected',
  ],
  ['a confirmed order is captured, however late the part', confirmed, known('capturing'), absent, 'captured', 'held'],
  [
    'a confirmed order shows committed stock',
    confirmed,
    known('captured'),
    known('committed'),
    'captured',
    'committed',
  ],
  [
    'out of stock, payment has not heard yet',
    stockRejected,
    known('waiting'),
    known('rejected'),
    'voiding',
    'rejected',
  ],
  ['out of stock, nothing to pay any more', stockRejected, known('voided'), known('rejected'), 'voided', 'rejected'],
  ['out of stock, payment never heard of it', stockRejected, absent, known('rejected'), 'none', 'rejected'],
  ['declined, stock still held', declined, known('declined'), known('held'), 'declined', 'releasing'],
  ['declined, stock back', declined, known('declined'), known('released'), 'declined', 'released'],
  ['cancelled while money is out', timedOut, known('captured'), known('held'), 'refunding', 'releasing'],
  ['cancelled while a capture runs', timedOut, known('capturing'), known('held'), 'voiding', 'releasing'],
  ['cancelled and refunded', timedOut, known('refunded'), known('released'), 'refunded', 'released'],
  ['cancelled after it was committed', timedOut, known('refunding'), known('committed'), 'refunding', 'releasing'],
  ['cancelled before anything was done', timedOut, absent, absent, 'none', 'none'],
  ['both down, nothing heard', {}, down, down, 'unavailable', 'unavailable'],
  ['both down, the order knows more', confirmed, down, down, 'captured stale', 'held stale'],
  ['stock down, but a capture implies it', {}, known('captured'), down, 'captured', 'held stale'],
  [
    'payment down after a cancelled capture',
    { ...timedOut, heard: { payment: 'captured' } },
    down,
    known('released'),
    'refunding stale',
    'released',
  ],
];

for (const [rule, facts, payment, stock, paymentWord, stockWord] of cases) {
  test(rule, () => {
    const view = composeOrder(order(facts), { payment, stock, notifications: absent });
    assert.deepEqual([said(view.payment), said(view.stock)], [paymentWord, stockWord]);
  });
}

test('a notification the order heard of is sent, also when its service is read earlier or down', () => {
  const parts = { payment: absent, stock: absent };
  const told = order({ ...confirmed, heard: { ...confirmed.heard, notifications: [{ outcome: 'confirmed' }] } });
  const pending: NotificationRecord = { outcome: 'confirmed', status: 'pending' };
  assert.deepEqual(composeOrder(told, { ...parts, notifications: known([pending]) }).notifications, [
    { outcome: 'confirmed', status: 'sent' },
  ]);
  assert.deepEqual(composeOrder(told, { ...parts, notifications: down }).notifications, [
    { outcome: 'confirmed', status: 'sent', stale: true },
  ]);
  assert.deepEqual(composeOrder(order(confirmed), { ...parts, notifications: down }).notifications, [
    { outcome: 'confirmed', status: 'unavailable' },
  ]);
  assert.deepEqual(composeOrder(order(confirmed), { ...parts, notifications: absent }).notifications, []);
});

test('the answer has neither what the order heard nor the customer of somebody', () => {
  const view = composeOrder(order(stockRejected), { payment: absent, stock: absent, notifications: absent });
  assert.equal('heard' in view || 'customerId' in view, false);
  assert.equal(view.reason, 'out_of_stock');
});

const part = <T>(value: Arbitrary<T>): Arbitrary<Part<T>> =>
  oneof(value.map(known), constant<Part<T>>(absent), constant<Part<T>>(down));
const anyOrder = record({
  status: constantFrom('pending' as const, 'confirmed' as const, 'cancelled' as const),
  reason: constantFrom(
    'out_of_stock' as const,
    'payment_declined' as const,
    'timed_out' as const,
    'customer_cancelled' as const,
  ),
  stock: constantFrom(undefined, 'held' as const, 'rejected' as const, 'committed' as const, 'released' as const),
  payment: constantFrom(undefined, 'captured' as const, 'declined' as const, 'voided' as const, 'refunded' as const),
  notifications: array(record({ outcome: constantFrom(...Outcome.enum) }), { maxLength: 2 }),
}).map(({ status, reason, stock, payment, notifications }) => {
  const heard = { ...(stock && { stock }), ...(payment && { payment }), notifications };
  return order({ status, heard, ...(status === 'cancelled' && { reason }) });
});
const anyParts = record({
  payment: part(constantFrom(...PaymentStep.enum)),
  stock: part(constantFrom(...StockStep.enum)),
  notifications: part(
    array(record({ outcome: constantFrom(...Outcome.enum), status: constantFrom(...NotificationStep.enum) }), {
      maxLength: 2,
    }),
  ),
});

test('whatever is read, the answer never contradicts itself', () => {
  check(
    property(anyOrder, anyParts, (placed, parts) => {
      const view = composeOrder(placed, parts);
      const [paid, held] = [view.payment.status, view.stock.status];
      if (view.status === 'pending') {
        assert.ok(['waiting', 'capturing', 'captured', 'declined', 'unavailable'].includes(paid), paid);
        assert.ok(['waiting', 'held', 'rejected', 'unavailable'].includes(held), held);
        assert.deepEqual(view.notifications, []);
      }
      if (view.status === 'confirmed') {
        assert.equal(paid, 'captured');
        assert.ok(['held', 'committed'].includes(held), held);
        assert.ok(view.notifications.every(({ outcome }) => outcome === 'confirmed'));
      }
      if (view.status === 'cancelled') {
        assert.ok(
          ['voiding', 'voided', 'declined', 'refunding', 'refunded', 'none', 'unavailable'].includes(paid),
          paid,
        );
        assert.ok(['releasing', 'released', 'rejected', 'none', 'unavailable'].includes(held), held);
      }
      if (['capturing', 'captured', 'refunding', 'refunded'].includes(paid))
        assert.ok(!['waiting', 'none', 'unavailable'].includes(held));
      assert.equal(view.payment.stale === true, parts.payment.kind === 'down' && paid !== 'unavailable');
      assert.equal(view.stock.stale === true, parts.stock.kind === 'down' && held !== 'unavailable');
      assert.ok(parts.payment.kind === 'down' || paid !== 'unavailable');
      assert.ok(parts.stock.kind === 'down' || held !== 'unavailable');
    }),
    { numRuns: 5_000 },
  );
});

function said(word: { status: string; stale?: true }): string {
  return word.stale === true ? `${word.status} stale` : word.status;
}
