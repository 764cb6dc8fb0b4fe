import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedBooks, cancelledId, confirmedId, type DraftBooks } from './balanced-books-fixture.ts';
import { compareUnrest, listUnrest } from './rest.ts';
import { at } from './tampering-fixture.ts';

function waitsOf(books: DraftBooks, paymentsLater = books.payments): Record<string, readonly string[]> {
  return Object.fromEntries(listUnrest(books, paymentsLater).map(({ about, waitsFor }) => [about, waitsFor]));
}

test('orders that are decided, heard of everywhere, paid and told are at rest', () => {
  assert.deepEqual(waitsOf(balancedBooks()), {});
});

type Case = { title: string; tamper: (books: DraftBooks) => void; waitsFor: RegExp };

const cases: Case[] = [
  {
    title: 'an order that is pending',
    tamper: ({ orders }) => void (at(orders, 0).status = 'pending'),
    waitsFor: /^it is pending$/,
  },
  {
    title: 'an order of which a reader has not heard an event',
    tamper: ({ messages }) => void messages.inventory.inbox.splice(1, 1),
    waitsFor: /^inventory has not heard order\.confirmed \(event /,
  },
  {
    title: 'an order whose payment the provider owes an answer for',
    tamper: ({ payments }) => void (at(payments, 0).status = 'refunding'),
    waitsFor: /^its payment is refunding$/,
  },
  {
    title: 'an order whose customer is not told yet',
    tamper: ({ notifications }) => void (at(notifications, 0).status = 'pending'),
    waitsFor: /^the notification of being confirmed is not sent$/,
  },
  {
    title: 'an order of which a message is parked',
    tamper: ({ messages }) => void messages.payment.parked.push(parkedMessage(confirmedId, 'parked')),
    waitsFor: /^order\.confirmed of order\.events is parked at payment: invalid_data$/,
  },
];

for (const { title, tamper, waitsFor } of cases) {
  test(`${title} is not at rest, and the others are`, () => {
    const books = balancedBooks();
    tamper(books);
    const waits = waitsOf(books);
    assert.deepEqual(Object.keys(waits), [confirmedId]);
    assert.match(waits[confirmedId]?.join() ?? '', waitsFor);
  });
}

test('an order whose payment changed while the ledger was read is read again', () => {
  const books = balancedBooks();
  const paymentsLater = books.payments.map((payment) =>
    payment.orderId === cancelledId ? { ...payment, status: 'refunded' } : payment,
  );
  assert.deepEqual(waitsOf(books, paymentsLater), { [cancelledId]: ['its payment was declined and is refunded'] });
});

test('a message that was parked and settled keeps no order from rest', () => {
  const books = balancedBooks();
  books.messages.payment.parked.push(parkedMessage(confirmedId, 'replayed'));
  assert.deepEqual(waitsOf(books), {});
});

test('a pending order is stuck when its deadline, the grace and the time to settle are over', () => {
  const books = balancedBooks();
  const order = at(books.orders, 0);
  order.status = 'pending';
  order.deadlineAtMs = 100_000;
  assert.deepEqual(compareUnrest(listUnrest(books, books.payments), 115_000), []);
  const stuck = [{ invariant: 'stuck', about: confirmedId, detail: 'it is pending' }];
  assert.deepEqual(compareUnrest(listUnrest(books, books.payments), 115_001), stuck);
});

test('a decided order is stuck when the time to settle is over since the last that was said or heard of it', () => {
  const books = balancedBooks();
  at(books.notifications, 0).status = 'pending';
  const last = books.messages.order.inbox.findLast(({ key }) => key === confirmedId);
  assert.ok(last !== undefined);
  last.receivedAtMs = 50_000;
  const unrest = listUnrest(books, books.payments);
  assert.deepEqual(compareUnrest(unrest, 50_000), []);
  assert.deepEqual(
    compareUnrest(unrest, 50_001).map(({ detail }) => detail),
    ['the notification of being confirmed is not sent'],
  );
});

test('a foreign message that is parked waits for its operator and is never stuck', () => {
  const books = balancedBooks();
  books.messages.payment.parked.push(parkedMessage('stranger', 'parked'));
  books.messages.payment.inbox.push({ ...at(books.messages.payment.inbox, 0), key: 'stranger' });
  const unrest = listUnrest(books, books.payments);
  assert.deepEqual(
    unrest.map(({ about }) => about),
    ['stranger'],
  );
  assert.deepEqual(compareUnrest(unrest, Number.MAX_SAFE_INTEGER), []);
});

function parkedMessage(key: string, status: 'parked' | 'replayed') {
  const message = {
    topic: 'order.events',
    key,
    eventId: '@order.events/0/1',
    type: 'order.confirmed',
    reason: 'invalid_data',
  };
  return { ...message, status };
}
