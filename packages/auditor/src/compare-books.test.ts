import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@sagamart/contracts/ids';
import { balancedBooks, cancelledId, confirmedId } from './balanced-books-fixture.ts';
import { compareBooks } from './compare-books.ts';
import { at, testTamperings } from './tampering-fixture.ts';

test('books that agree give no finding', () => {
  assert.deepEqual(compareBooks(balancedBooks(), [confirmedId, cancelledId]), []);
});

test('a record that stands in its topic twice is no finding: only its first occurrence counts', () => {
  const books = balancedBooks();
  books.records = [...books.records, ...books.records];
  assert.deepEqual(compareBooks(books), []);
});

test('what retention has taken from the topics is no finding', () => {
  const books = balancedBooks();
  const later = Date.now() + 60_000;
  books.records = [];
  for (const topic of Object.keys(books.topicsHoldFromMs) as (keyof typeof books.topicsHoldFromMs)[])
    books.topicsHoldFromMs[topic] = later;
  assert.deepEqual(compareBooks(books), []);
});

for (const kept of ['outbox', 'inbox'] as const) {
  test(`what was pruned from the ${kept} is no finding, and what is missing from its window is one`, () => {
    const books = balancedBooks();
    for (const messages of Object.values(books.messages)) messages[kept] = [];
    assert.notDeepEqual(compareBooks(books), []);
    const later = Date.now() + 60_000;
    for (const messages of Object.values(books.messages)) messages[`${kept}HoldsFromMs`] = later;
    assert.deepEqual(compareBooks(books), []);
  });
}

test('a client was given an order id that does not exist', () => {
  const lost = newId();
  assert.deepEqual(
    compareBooks(balancedBooks(), [lost]).map(({ about }) => about),
    [lost],
  );
});

test('a clock that was set back between two events does not change which was said last', () => {
  const books = balancedBooks();
  books.messages.order.outbox.reverse();
  assert.deepEqual(compareBooks(books), []);
});

test('a pending order is not decided: nobody is told of it', () => {
  const books = balancedBooks();
  at(books.orders, 0).status = 'pending';
  assert.ok(!compareBooks(books).some(({ invariant }) => invariant === 'told_once'));
});

test('a customer whose address the mail server refuses was not told, and that is no fault of the books', () => {
  const books = balancedBooks();
  at(books.notifications, 0).status = 'refused';
  books.mails.pop();
  assert.ok(!compareBooks(books).some(({ invariant }) => invariant === 'told_once'));
});

testTamperings([
  {
    title: 'an order is still pending',
    finds: 'terminal',
    about: confirmedId,
    says: ['is still pending', 'is pending, but the last thing said of it is order.confirmed'],
    tamper: ({ orders }) => void (at(orders, 0).status = 'pending'),
  },
  {
    title: 'an order is not what was last said of it',
    finds: 'terminal',
    about: cancelledId,
    says: ['is confirmed, but the last thing said of it is order.cancelled'],
    tamper: ({ orders }) => void (at(orders, 1).status = 'confirmed'),
  },
  {
    title: 'an order row is gone',
    finds: 'terminal',
    about: confirmedId,
    says: ['was placed, but there is no such order'],
    tamper: ({ orders }) => void orders.shift(),
  },

  {
    title: 'an order came from no key',
    finds: 'keys',
    about: confirmedId,
    says: ['is the answer to no key'],
    tamper: ({ orderKeys }) => void orderKeys.shift(),
  },
  {
    title: 'two keys gave one order',
    finds: 'keys',
    about: confirmedId,
    says: ['is the answer to two keys'],
    tamper: ({ orderKeys }) => void (at(orderKeys, 1).orderId = confirmedId),
  },
  {
    title: 'a key promises an order that does not exist',
    finds: 'keys',
    says: ['is the answer to key a, but there is no such order'],
    tamper: ({ orderKeys }) => void (at(orderKeys, 1).orderId = newId()),
  },

  {
    title: 'a database lets another service in',
    finds: 'walls',
    about: 'order',
    says: ['its database lets inventory_auditor in'],
    tamper: ({ doors }) => void (at(doors, 0).open = true),
  },

  {
    title: 'a notification is gone',
    finds: 'told_once',
    about: confirmedId,
    says: ['was confirmed, but there is no notification of it'],
    tamper: ({ notifications }) => void notifications.shift(),
  },
  {
    title: 'a customer was told twice',
    finds: 'told_once',
    about: confirmedId,
    says: ['has two notifications of being confirmed'],
    tamper: ({ notifications }) => void notifications.push(at(notifications, 0)),
  },
  {
    title: 'a customer was told of what was not decided',
    finds: 'told_once',
    about: cancelledId,
    says: ['has a notification of being confirmed, which was never decided'],
    tamper: ({ notifications }) => void (at(notifications, 1).outcome = 'confirmed'),
  },
  {
    title: 'an order was decided without a word, and nobody was told',
    finds: 'told_once',
    about: cancelledId,
    says: ['was confirmed, but there is no notification of it'],
    tamper: ({ orders }) => void (at(orders, 1).status = 'confirmed'),
  },
  {
    title: 'a notification was not sent',
    finds: 'told_once',
    about: confirmedId,
    says: ['the notification of being confirmed was not sent'],
    tamper: ({ notifications }) => void (at(notifications, 0).status = 'pending'),
  },
  {
    title: 'a customer with an address was not written to',
    finds: 'told_once',
    about: confirmedId,
    says: ['nobody was told of being confirmed, though the order has an address'],
    tamper: ({ notifications, mails }) => {
      at(notifications, 0).status = 'no_address';
      mails.pop();
    },
  },
  {
    title: 'a customer without an address was written to',
    finds: 'told_once',
    about: cancelledId,
    says: ['the notification of being cancelled has an address, the order has none'],
    tamper: ({ notifications, mails }) => {
      const notification = at(notifications, 1);
      notification.status = 'sent';
      mails.push(notification.messageId);
    },
  },
  {
    title: 'the mail server never got a mail',
    finds: 'told_once',
    about: confirmedId,
    says: ['is marked sent, but the mail server never got it'],
    tamper: ({ mails }) => void mails.pop(),
  },
  {
    title: 'a mail went out that nobody ordered',
    finds: 'told_once',
    says: ['the mail server got x.confirmed@sagamart.example, but there is no notification of it'],
    tamper: ({ mails }) => void mails.push('x.confirmed@sagamart.example'),
  },
]);
