import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '@sagamart/contracts/ids';
import { balancedBooks, cancelledId, confirmedId, sku } from './balanced-books-fixture.ts';
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

test('what retention has taken from a topic and from an outbox is no finding', () => {
  const books = balancedBooks();
  const later = Date.now() + 60_000;
  books.records = [];
  for (const topic of Object.keys(books.topicsHoldFromMs) as (keyof typeof books.topicsHoldFromMs)[])
    books.topicsHoldFromMs[topic] = later;
  assert.deepEqual(compareBooks(books), []);
});

test('a client was given an order id that does not exist', () => {
  const lost = newId();
  assert.deepEqual(
    compareBooks(balancedBooks(), [lost]).map(({ about }) => about),
    [lost],
  );
});

testTamperings([
  {
    title: 'an order is still pending',
    finds: 'terminal',
    about: confirmedId,
    tamper: ({ orders }) => void (at(orders, 0).status = 'pending'),
  },
  {
    title: 'an order is not what was last said of it',
    finds: 'terminal',
    about: cancelledId,
    tamper: ({ orders }) => void (at(orders, 1).status = 'confirmed'),
  },
  { title: 'an order row is gone', finds: 'terminal', about: confirmedId, tamper: ({ orders }) => void orders.shift() },

  {
    title: 'the order totals more than was captured',
    finds: 'money',
    about: confirmedId,
    tamper: ({ orders }) => void (at(orders, 0).totalMinor += 1),
  },
  {
    title: 'a payment notes another amount',
    finds: 'money',
    about: confirmedId,
    tamper: ({ payments }) => void (at(payments, 0).amountMinor = 1),
  },
  {
    title: 'a payment notes another capture',
    finds: 'money',
    about: confirmedId,
    tamper: ({ payments }) => void (at(payments, 0).captureId = 'cap_9'),
  },
  {
    title: 'a payment row is gone',
    finds: 'money',
    about: confirmedId,
    tamper: ({ payments }) => void payments.shift(),
  },
  {
    title: 'a declined payment says captured',
    finds: 'money',
    about: cancelledId,
    tamper: ({ payments }) => void (at(payments, 1).status = 'captured'),
  },
  {
    title: 'the provider captured less',
    finds: 'money',
    about: confirmedId,
    tamper: ({ ledger }) => void (at(ledger, 0).amountMinor -= 1),
  },
  {
    title: 'the provider captured in another currency',
    finds: 'money',
    about: confirmedId,
    tamper: ({ ledger }) => void (at(ledger, 0).currency = 'USD'),
  },
  {
    title: 'the provider captured twice',
    finds: 'money',
    about: confirmedId,
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 0), captureId: 'cap_3', sequence: 3 }),
  },
  {
    title: 'the provider captured a cancelled order',
    finds: 'money',
    about: cancelledId,
    tamper: ({ ledger }) => void (at(ledger, 1).status = 'captured'),
  },
  {
    title: 'the provider knows nothing of a capture',
    finds: 'money',
    about: confirmedId,
    tamper: ({ ledger }) => void ledger.shift(),
  },
  {
    title: 'the provider captured for nobody',
    finds: 'money',
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 0), reference: newId() }),
  },
  {
    title: 'a capture went by another key',
    finds: 'money',
    about: confirmedId,
    tamper: ({ ledger }) => void (at(ledger, 0).idempotencyKey = 'retry-2'),
  },

  {
    title: 'a unit is gone from the stock',
    finds: 'stock',
    about: sku,
    tamper: ({ stock }) => void (at(stock, 0).onHand -= 1),
  },
  { title: 'a unit is still held', finds: 'stock', about: sku, tamper: ({ stock }) => void (at(stock, 0).held += 1) },
  { title: 'a movement is gone', finds: 'stock', about: sku, tamper: ({ movements }) => void movements.splice(1, 1) },
  {
    title: 'a movement leaves another balance',
    finds: 'stock',
    about: sku,
    tamper: ({ movements }) => void (at(movements, 3).committed += 1),
  },
  {
    title: 'there once was less than nothing on hand',
    finds: 'stock',
    about: sku,
    tamper: ({ movements }) => void (at(movements, 0).quantity = 1),
  },
  {
    title: 'a reservation is of other lines',
    finds: 'stock',
    about: confirmedId,
    tamper: ({ reservations }) => void (at(reservations, 0).lines = [{ sku, quantity: 3 }]),
  },
  {
    title: 'a confirmed order has its stock released',
    finds: 'stock',
    about: confirmedId,
    tamper: ({ reservations }) => void (at(reservations, 0).status = 'released'),
  },
  {
    title: 'a cancelled order has its stock held',
    finds: 'stock',
    about: cancelledId,
    tamper: ({ reservations }) => void (at(reservations, 1).status = 'held'),
  },
  {
    title: 'a reservation is gone',
    finds: 'stock',
    about: confirmedId,
    tamper: ({ reservations }) => void reservations.shift(),
  },

  {
    title: 'a notification is gone',
    finds: 'told_once',
    about: confirmedId,
    tamper: ({ notifications }) => void notifications.shift(),
  },
  {
    title: 'a customer was told twice',
    finds: 'told_once',
    about: confirmedId,
    tamper: ({ notifications }) => void notifications.push(at(notifications, 0)),
  },
  {
    title: 'a customer was told of what was not decided',
    finds: 'told_once',
    about: cancelledId,
    tamper: ({ notifications }) => void (at(notifications, 1).outcome = 'confirmed'),
  },
  {
    title: 'a notification was not sent',
    finds: 'told_once',
    about: confirmedId,
    tamper: ({ notifications }) => void (at(notifications, 0).status = 'pending'),
  },
  {
    title: 'the mail server never got a mail',
    finds: 'told_once',
    about: confirmedId,
    tamper: ({ mails }) => void mails.pop(),
  },
  {
    title: 'a mail went out that nobody ordered',
    finds: 'told_once',
    tamper: ({ mails }) => void mails.push('x.confirmed@sagamart.example'),
  },
]);
