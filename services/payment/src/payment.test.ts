import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventBody } from '@sagamart/contracts/events';
import { placedData, skuOf } from '@sagamart/test-kit/event-builder';
import {
  heardByPayment,
  isOwed,
  pauseAfterMs,
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
const atDeadline = new Date(placed.deadline);
const inTime = new Date(atDeadline.getTime() - 1);

const waiting: Payment = { status: 'waiting', terms: null, stockReserved: false };
const waitingForStock: Payment = { status: 'waiting', terms, stockReserved: false };
const waitingForTerms: Payment = { status: 'waiting', terms: null, stockReserved: true };
const capturing: Payment = { status: 'capturing', terms };
const captured: Payment = { status: 'captured', terms, captureId: 'c1' };
const declined: Payment = { status: 'declined', terms, declineReason: 'no' };
const voiding: Payment = { status: 'voiding', terms };
const voided: Payment = { status: 'voided', terms };
const refunding: Payment = { status: 'refunding', terms, captureId: 'c1' };
const refunded: Payment = { status: 'refunded', terms, captureId: 'c1', refundId: 'r1' };

// Rows: the payment before. Columns: order.placed, stock.reserved, order.cancelled, in time. Written by hand from design section 4.
const eventTable: [string, Payment, string, string, string][] = [
  ['waiting', waiting, 'waiting', 'waiting', 'voided, payment.voided'],
  ['waiting for stock', waitingForStock, 'waiting', 'capturing', 'voided, payment.voided'],
  ['waiting for terms', waitingForTerms, 'capturing', 'waiting', 'voided, payment.voided'],
  ['capturing', capturing, 'capturing', 'capturing', 'voiding'],
  ['captured', captured, 'captured', 'captured', 'refunding'],
  ['declined', declined, 'declined', 'declined', 'declined'],
  ['voiding', voiding, 'voiding', 'voiding', 'voiding'],
  ['voided', voided, 'voided', 'voided', 'voided'],
  ['refunding', refunding, 'refunding', 'refunding', 'refunding'],
  ['refunded', refunded, 'refunded', 'refunded', 'refunded'],
];

for (const [name, before, ...expected] of eventTable) {
  for (const [column, type] of heardByPayment.entries()) {
    test(`${type} at a payment that is ${name}: ${expected[column]}`, () => {
      assert.equal(inWords(react(before, bodyOf(type), inTime)), expected[column]);
    });
  }
}

for (const [before, type] of [
  [waitingForStock, 'stock.reserved'],
  [waitingForTerms, 'order.placed'],
] as const) {
  test(`a capture is not started by ${type} at the deadline, and the cancellation then voids the payment`, () => {
    const { payment, says } = react(before, bodyOf(type), atDeadline);
    assert.deepEqual(payment, { status: 'waiting', terms, stockReserved: true });
    assert.deepEqual(says, []);
    assert.equal(inWords(react(payment, bodyOf('order.cancelled'), atDeadline)), 'voided, payment.voided');
  });
}

const replies: readonly ProviderReply[] = [
  { outcome: 'captured', captureId: 'c1' },
  { outcome: 'captured', captureId: 'c2' },
  { outcome: 'declined', declineReason: 'no' },
  { outcome: 'voided' },
  { outcome: 'refunded', refundId: 'r1' },
  { outcome: 'refunded', refundId: 'r2' },
];
const no = 'unreachable';

// Rows: the payment before. Columns: the replies above. A repeated reply changes nothing; a contradiction is not believed.
const replyTable: [Payment, string, string, string, string, string, string][] = [
  [waiting, no, no, no, no, no, no],
  [
    capturing,
    'captured, payment.captured',
    'captured, payment.captured',
    'declined, payment.declined',
    no, // Nobody asked for a void: its key was used by somebody else.
    no,
    no,
  ],
  [captured, 'captured', no, no, no, no, no],
  [declined, no, no, 'declined', no, no, no],
  [
    voiding,
    'refunding, payment.captured',
    'refunding, payment.captured',
    'declined, payment.declined',
    'voided, payment.voided',
    no,
    no,
  ],
  [voided, no, no, no, 'voided', no, no],
  [refunding, 'refunding', no, no, no, 'refunded, payment.refunded', 'refunded, payment.refunded'],
  [refunded, 'refunded', no, no, no, 'refunded', no],
];

for (const [before, ...expected] of replyTable) {
  for (const [column, reply] of replies.entries()) {
    test(`the reply ${JSON.stringify(reply)} at a payment that is ${before.status}: ${expected[column]}`, () => {
      assert.equal(inWords(settle(before, orderId, reply)), expected[column]);
    });
  }
}

test('a reply is kept and said with what it takes to speak of it later', () => {
  assert.deepEqual(settle(capturing, orderId, { outcome: 'captured', captureId: 'c9' }), {
    payment: { status: 'captured', terms, captureId: 'c9' },
    says: [{ type: 'payment.captured', data: { orderId, captureId: 'c9', amountMinor: 2980, currency: 'EUR' } }],
  });
  assert.deepEqual(settle(voiding, orderId, { outcome: 'declined', declineReason: 'insufficient_funds' }), {
    payment: { status: 'declined', terms, declineReason: 'insufficient_funds' },
    says: [{ type: 'payment.declined', data: { orderId, declineReason: 'insufficient_funds' } }],
  });
  const data = { orderId, captureId: 'c1', refundId: 'r9', amountMinor: 2980, currency: 'EUR' };
  assert.deepEqual(settle(refunding, orderId, { outcome: 'refunded', refundId: 'r9' }), {
    payment: { status: 'refunded', terms, captureId: 'c1', refundId: 'r9' },
    says: [{ type: 'payment.refunded', data }],
  });
});

test('the provider is asked again after pauses that grow up to ten seconds', () => {
  const pauses = [1, 2, 3, 6, 7, 5_000].map(pauseAfterMs);
  assert.deepEqual(pauses, [200, 400, 800, 6_400, 10_000, 10_000]);
});

test('the provider is asked about a payment that is capturing, voiding or refunding, and about no other', () => {
  const owed = eventTable.map(([, payment]) => payment).filter(isOwed);
  assert.deepEqual(owed, [capturing, voiding, refunding]);
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
