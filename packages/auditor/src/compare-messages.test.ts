import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterMax } from '@sagamart/contracts/bounds';
import { newId } from '@sagamart/contracts/ids';
import { serviceNames } from '@sagamart/contracts/topics';
import { balancedBooks, cancelledId, confirmedId, type DraftBooks } from './balanced-books-fixture.ts';
import { compareBooks } from './compare-books.ts';
import { at, testTamperings } from './tampering-fixture.ts';

test('a topic that lost its first records to retention begins anywhere; one that lost none begins at the beginning', () => {
  const books = balancedBooks();
  books.records = books.records.filter(({ type }) => type !== 'order.placed');
  const brokenHistories = () => compareBooks(books).filter(({ invariant }) => invariant === 'order_per_key').length;
  assert.equal(brokenHistories(), 8, 'four orders: the version and the type of their first event');
  books.topicsHoldFromMs['order.events'] = Date.now() + 60_000;
  assert.equal(brokenHistories(), 0);
});

test('a foreign message that is parked is nothing that somebody lost or nobody said', () => {
  const books = balancedBooks();
  const foreign = { ...at(books.records, 0), id: newId(), key: 'stranger', offset: 99 };
  const { topic, key, type } = foreign;
  books.records.push(foreign);
  for (const reader of ['inventory', 'payment', 'notification', 'order'] as const) {
    books.messages[reader].parked.push({
      topic,
      key,
      type,
      eventId: foreign.id,
      reason: 'invalid_data',
      status: 'parked',
    });
  }
  assert.deepEqual(compareBooks(books), []);
});

test('where time stands still at its end, an event is as late as its cause', () => {
  const books = balancedBooks();
  const late = (rows: { lamport: number }[]): void => {
    for (const row of rows) row.lamport = counterMax;
  };
  late(books.records);
  for (const service of serviceNames) late(books.messages[service].outbox);
  assert.deepEqual(compareBooks(books), []);
});

test('a message of our own that was parked and replayed is no gap in the history of its order', () => {
  const books = balancedBooks();
  const { topic, key, type, id } = at(books.records, 0);
  books.messages.payment.parked.push({ topic, key, type, eventId: id, reason: 'handler_failed', status: 'replayed' });
  assert.deepEqual(compareBooks(books), []);
});

test('what an inbox does not hold any more is not missing from it', () => {
  const books = balancedBooks();
  books.messages.payment.inbox = [];
  books.messages.payment.inboxHoldsFromMs = Date.now() + 60_000;
  assert.deepEqual(compareBooks(books), []);
});

test('foreign messages without an id are told by their places: each has to be parked by all who read its topic', () => {
  const books = balancedBooks();
  const [first, second] = [98, 99].map((offset) => ({
    ...at(books.records, 0),
    id: `@order.events/0/${offset}`,
    offset,
  }));
  assert.ok(first !== undefined && second !== undefined);
  books.records.push(first, second);
  const { topic, key, type } = first;
  const parked = { topic, key, type, reason: 'invalid_id', status: 'discarded' };
  for (const reader of ['inventory', 'payment', 'notification'] as const)
    books.messages[reader].parked.push({ ...parked, eventId: first.id });
  assert.deepEqual(
    compareBooks(books)
      .filter(({ invariant }) => invariant === 'nothing_twice')
      .map(({ detail }) => detail),
    ['inventory', 'payment', 'notification'].map(
      (reader) => `order.placed (event ${second.id}) is missing from the inbox of ${reader}`,
    ),
  );
  for (const reader of ['inventory', 'payment', 'notification'] as const)
    books.messages[reader].parked.push({ ...parked, eventId: second.id });
  assert.deepEqual(compareBooks(books), []);
});

testTamperings([
  {
    title: 'an event never reached its topic',
    finds: 'nothing_lost',
    tamper: ({ records }) => void records.splice(2, 1),
  },
  {
    title: 'a record changed on its way',
    finds: 'nothing_lost',
    tamper: ({ records }) => void (at(records, 2).digest = 'another'),
  },
  {
    title: 'a repeated record says something else than the first',
    finds: 'nothing_lost',
    tamper: ({ records }) => void records.push({ ...at(records, 2), offset: 99, lamport: 99 }),
  },
  {
    title: 'a record has another key',
    finds: 'nothing_lost',
    tamper: ({ records }) => void (at(records, 2).key = confirmedId.replace(/^0/, '1')),
  },
  {
    title: 'a topic holds what nobody said',
    finds: 'nothing_lost',
    tamper: ({ messages }) => void messages.payment.outbox.pop(),
  },

  {
    title: 'a reader never heard an event',
    finds: 'nothing_twice',
    tamper: ({ messages }) => void messages.notification.inbox.pop(),
  },
  {
    title: 'a reader heard what no topic holds',
    finds: 'nothing_twice',
    tamper: ({ messages }) => void messages.payment.inbox.push({ ...at(messages.payment.inbox, 0), id: newId() }),
  },

  {
    title: 'a version is missing',
    finds: 'order_per_key',
    about: confirmedId,
    tamper: (books) => void (saying(books, 'order.confirmed').version = 3),
  },
  {
    title: 'what is said of one order lies in two partitions',
    finds: 'order_per_key',
    about: confirmedId,
    tamper: (books) => void (saying(books, 'order.confirmed').partition += 1),
  },
  {
    title: 'an order was confirmed before it was placed',
    finds: 'order_per_key',
    about: confirmedId,
    tamper: swapOrderEvents,
  },
  {
    title: 'stock came back that was never held',
    finds: 'order_per_key',
    about: cancelledId,
    tamper: (books) => void (saying(books, 'stock.reserved', cancelledId).type = 'stock.rejected'),
  },

  {
    title: 'a cause does not exist',
    finds: 'cause_first',
    about: confirmedId,
    tamper: ({ messages }) => void (at(messages.payment.outbox, 0).causationId = newId()),
  },
  {
    title: 'a cause came later than what it caused',
    finds: 'cause_first',
    about: confirmedId,
    tamper: ({ messages }) => void (at(messages.payment.outbox, 0).lamport = 1),
  },
  {
    title: 'an event that has a cause names none',
    finds: 'cause_first',
    about: confirmedId,
    tamper: ({ messages }) => void (at(messages.payment.outbox, 0).causationId = null),
  },
]);

function saying(books: DraftBooks, type: string, key = confirmedId): DraftBooks['records'][number] {
  const record = books.records.find((each) => each.type === type && each.key === key);
  assert.ok(record !== undefined);
  return record;
}

function swapOrderEvents(books: DraftBooks): void {
  const placed = books.records.indexOf(saying(books, 'order.placed'));
  const confirmed = books.records.indexOf(saying(books, 'order.confirmed'));
  [books.records[placed], books.records[confirmed]] = [at(books.records, confirmed), at(books.records, placed)];
}
