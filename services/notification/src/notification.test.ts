import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventData } from '@sagamart/contracts/events';
import { newId, type CustomerId, type OrderId, type Sku } from '@sagamart/contracts/ids';
import {
  deliver,
  giveUp,
  messageIdOf,
  pauseAfterMs,
  react,
  resend,
  type Correspondence,
  type Notification,
} from './notification.ts';

const orderId = newId<OrderId>();
const facts = {
  orderId,
  customerId: newId<CustomerId>(),
  lines: [{ sku: 'MUG-STONE-BLUE' as Sku, name: 'Stoneware mug, blue', quantity: 2, unitPriceMinor: 1490 }],
  totalMinor: 2980,
  currency: 'EUR' as const,
};
const confirmedAt = '2026-11-21T10:00:00.000Z';
const cancelledAt = '2026-11-21T10:05:00.000Z';
const email = 'ada@example.com';

function confirmed(contact: { email: string | null } = { email }): {
  type: 'order.confirmed';
  data: EventData<'order.confirmed'>;
} {
  return { type: 'order.confirmed', data: { ...facts, contact, confirmedAt } };
}

function cancelled(contact: { email: string | null } = { email }): {
  type: 'order.cancelled';
  data: EventData<'order.cancelled'>;
} {
  return {
    type: 'order.cancelled',
    data: { ...facts, contact, reason: 'out_of_stock', cancelledAt, confirmedAt: null },
  };
}

function toldOf(event: ReturnType<typeof confirmed> | ReturnType<typeof cancelled>): Notification {
  const reaction = react({ orderId, notifications: [] }, event);
  assert.notEqual(reaction, 'unreachable');
  return reaction === 'unreachable' ? assert.fail() : reaction.told;
}

const states: Record<string, Correspondence> = {
  nothing: { orderId, notifications: [] },
  confirmed: { orderId, notifications: [toldOf(confirmed())] },
  cancelled: { orderId, notifications: [toldOf(cancelled())] },
  'confirmed and cancelled': { orderId, notifications: [toldOf(confirmed()), toldOf(cancelled())] },
};

const table: {
  told: string;
  hears: ReturnType<typeof confirmed> | ReturnType<typeof cancelled>;
  answer: 'confirmed' | 'cancelled' | 'unreachable';
}[] = [
  { told: 'nothing', hears: confirmed(), answer: 'confirmed' },
  { told: 'nothing', hears: cancelled(), answer: 'cancelled' },
  { told: 'confirmed', hears: cancelled(), answer: 'cancelled' },
  { told: 'confirmed', hears: confirmed(), answer: 'unreachable' },
  { told: 'cancelled', hears: confirmed(), answer: 'unreachable' },
  { told: 'cancelled', hears: cancelled(), answer: 'unreachable' },
  { told: 'confirmed and cancelled', hears: confirmed(), answer: 'unreachable' },
  { told: 'confirmed and cancelled', hears: cancelled(), answer: 'unreachable' },
];
for (const { told, hears, answer } of table) {
  test(`told ${told}, hears ${hears.type}: ${answer}`, () => {
    const before = states[told];
    assert.ok(before !== undefined);
    const reaction = react(before, hears);
    assert.equal(reaction === 'unreachable' ? reaction : reaction.told.outcome, answer);
  });
}

test('with an address the notification is pending, without one it is finished at once', () => {
  assert.deepEqual(toldOf(confirmed()), { ...facts, outcome: 'confirmed', confirmedAt, status: 'pending', email });
  assert.deepEqual(toldOf(cancelled({ email: null })), {
    ...facts,
    outcome: 'cancelled',
    reason: 'out_of_stock',
    cancelledAt,
    confirmedAt: null,
    status: 'no_address',
    email: null,
  });
});

test('a notification the mail server has taken is said to be sent, with the Message-ID', () => {
  const delivered = deliver(toldOf(confirmed()), new Date('2026-11-21T10:00:01.000Z'));
  assert.deepEqual(delivered, {
    notification: { ...toldOf(confirmed()), status: 'sent', sentAt: '2026-11-21T10:00:01.000Z' },
    says: [
      {
        type: 'notification.sent',
        data: { orderId, outcome: 'confirmed', messageId: `${orderId}.confirmed@sagamart.example` },
      },
    ],
  });
});

test('a notification that is sent already is not said to be sent again', () => {
  const first = deliver(toldOf(confirmed()), new Date(0));
  assert.notEqual(first, 'already_recorded');
  if (first !== 'already_recorded') assert.equal(deliver(first.notification, new Date(1)), 'already_recorded');
});

test('a notification without an address is never said to be sent', () => {
  assert.equal(deliver(toldOf(confirmed({ email: null })), new Date(0)), 'already_recorded');
});

test('a customer whose address is refused for good is not told, and nothing is said of it', () => {
  const refused: Notification = { ...toldOf(confirmed()), status: 'refused', email: 'ada@example.com' };
  assert.deepEqual(giveUp(toldOf(confirmed())), { notification: refused, says: [] });
  assert.equal(giveUp(refused), 'already_recorded');
  assert.equal(deliver(refused, new Date(0)), 'already_recorded');
});

test('a notification is sent once more while its customer was not told, if need be to another address', () => {
  const pending = toldOf(confirmed());
  const refused: Notification = { ...toldOf(confirmed()), status: 'refused', email };
  for (const before of [pending, refused]) {
    assert.deepEqual(resend(before, null), pending);
    assert.deepEqual(resend(before, 'ada@example.org'), { ...pending, email: 'ada@example.org' });
  }
  const sent: Notification = { ...toldOf(confirmed()), status: 'sent', sentAt: confirmedAt, email };
  assert.equal(resend(sent, 'ada@example.org'), 'sent_already');
  assert.equal(resend(toldOf(confirmed({ email: null })), 'ada@example.org'), 'no_address');
});

test('the Message-ID depends on the order and the outcome only', () => {
  assert.equal(messageIdOf({ orderId, outcome: 'cancelled' }), `${orderId}.cancelled@sagamart.example`);
});

test('the pauses between attempts double up to ten seconds', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 2_000].map(pauseAfterMs),
    [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000],
  );
});
