import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventBody } from '@sagamart/contracts/events';
import { placedData, skuOf } from '@sagamart/test-kit/event-builder';
import {
  heardByPayment,
  react,
  settle,
  type HeardByPayment,
  type Payment,
  type ProviderReply,
  type Reaction,
} from './payment.ts';

const placed = placedData();
const { orderId } = placed;
const terms = {
  amountMinor: placed.totalMinor,
  currency: placed.currency,
  paymentMethod: placed.paymentMethod,
  deadline: placed.deadline,
};

// Rows: the payment before. Columns: order.placed, stock.reserved, order.cancelled. Written by hand from design section 4.
const table: [string, Payment, string, string, string][] = [
  ['waiting', { status: 'waiting', terms: null, stockReserved: false }, 'waiting', 'waiting', 'voided, payment.voided'],
  [
    'waiting for stock',
    { status: 'waiting', terms, stockReserved: false },
    'waiting',
    'capturing',
    'voided, payment.voided',
  ],
  [
    'waiting for terms',
    { status: 'waiting', terms: null, stockReserved: true },
    'capturing',
    'waiting',
    'voided, payment.voided',
  ],
  ['capturing', { status: 'capturing', terms }, 'capturing', 'capturing', 'unreachable'],
  ['captured', { status: 'captured', terms, captureId: 'c1' }, 'captured', 'captured', 'unreachable'],
  ['declined', { status: 'declined', terms, declineReason: 'no' }, 'declined', 'declined', 'declined'],
  ['voided', { status: 'voided', terms }, 'voided', 'voided', 'voided'],
];

for (const [name, before, ...expected] of table) {
  for (const [column, type] of heardByPayment.entries()) {
    test(`${type} at a payment that is ${name}: ${expected[column]}`, () => {
      assert.equal(inWords(react(before, bodyOf(type))), expected[column]);
    });
  }
}

const captured: ProviderReply = { outcome: 'captured', captureId: 'c9' };
const declined: ProviderReply = { outcome: 'declined', declineReason: 'insufficient_funds' };
const replies: readonly ProviderReply[] = [captured, declined];

test('a reply of the provider settles a payment that is capturing', () => {
  assert.deepEqual(settle({ status: 'capturing', terms }, orderId, captured), {
    payment: { status: 'captured', terms, captureId: 'c9' },
    says: [{ type: 'payment.captured', data: { orderId, captureId: 'c9', amountMinor: 2980, currency: 'EUR' } }],
  });
  assert.deepEqual(settle({ status: 'capturing', terms }, orderId, declined), {
    payment: { status: 'declined', terms, declineReason: 'insufficient_funds' },
    says: [{ type: 'payment.declined', data: { orderId, declineReason: 'insufficient_funds' } }],
  });
});

test('a reply heard a second time changes nothing', () => {
  for (const [, before] of table.filter(([, { status }]) => status !== 'capturing')) {
    for (const reply of replies) assert.deepEqual(settle(before, orderId, reply), { payment: before, says: [] });
  }
});

function inWords(reaction: Reaction | 'unreachable'): string {
  if (reaction === 'unreachable') return reaction;
  return [reaction.payment.status, ...reaction.says.map((said) => said.type)].join(', ');
}

function bodyOf(type: HeardByPayment): EventBody<HeardByPayment> {
  if (type === 'order.placed') return { type, data: placed };
  if (type === 'stock.reserved') return { type, data: { orderId, lines: [{ sku: skuOf('MUG'), quantity: 2 }] } };
  const { customerId, lines, totalMinor, currency } = placed;
  const cancelledAt = '2026-01-01T00:00:01.000Z';
  const data = {
    orderId,
    customerId,
    contact: { email: null },
    lines,
    totalMinor,
    currency,
    reason: 'out_of_stock',
    cancelledAt,
    confirmedAt: null,
  } as const;
  return { type, data: { ...data, lines } };
}
