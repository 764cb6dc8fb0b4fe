import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareAlways, type Later } from './always-true.ts';
import {
  balancedBooks,
  cancelledId,
  confirmedId,
  refundedId,
  voidedId,
  type DraftBooks,
} from './balanced-books-fixture.ts';
import { openStockHistory } from './compare-stock.ts';
import { alwaysTrueOfOrders, type Invariant } from './invariants.ts';
import { at } from './tampering-fixture.ts';

type Case = {
  title: string;
  breaks: Invariant;
  about: string;
  tamper: (earlier: DraftBooks, later: DraftBooks) => void;
};

const cases: Case[] = [
  {
    title: 'an order was confirmed that nobody paid for',
    breaks: 'confirmed was captured once and held',
    about: confirmedId,
    tamper: (earlier, later) => {
      later.ledger.shift();
      earlier.payments.shift();
    },
  },
  {
    title: 'an order was confirmed whose stock was never held',
    breaks: 'confirmed was captured once and held',
    about: refundedId,
    tamper: (_, later) =>
      void (later.movements = later.movements.filter(({ orderId, kind }) => orderId !== refundedId || kind !== 'hold')),
  },
  {
    title: 'more was refunded than was captured',
    breaks: 'refunded <= captured <= 1',
    about: refundedId,
    tamper: (_, later) => void (at(later.ledger, 3).amountMinor = 1_201),
  },
  {
    title: 'a declined payment was refunded',
    breaks: 'refunded <= captured <= 1',
    about: cancelledId,
    tamper: (_, later) => void later.ledger.push({ ...at(later.ledger, 3), sequence: 6, reference: cancelledId }),
  },
  {
    title: 'money goes back of an order that is confirmed',
    breaks: 'refunding is of a cancelled order',
    about: confirmedId,
    tamper: (earlier) => void (at(earlier.payments, 0).status = 'refunding'),
  },
  {
    title: 'a payment is captured of which the provider knows nothing',
    breaks: 'captured is captured at the provider',
    about: voidedId,
    tamper: (earlier) => void (at(earlier.payments, 3).status = 'captured'),
  },
  {
    title: 'the provider captured what was voided',
    breaks: 'voided or declined has no capture',
    about: voidedId,
    tamper: (_, later) => void later.ledger.push({ ...at(later.ledger, 0), sequence: 6, reference: voidedId }),
  },
  {
    title: 'stock is committed of an order that never was confirmed',
    breaks: 'committed was confirmed',
    about: cancelledId,
    tamper: (earlier) => void (at(earlier.reservations, 1).status = 'committed'),
  },
  {
    title: 'stock came back of an order that is not cancelled',
    breaks: 'released is of a cancelled order',
    about: confirmedId,
    tamper: (earlier) => void (at(earlier.reservations, 0).status = 'released'),
  },
];

for (const { title, breaks, about, tamper } of cases) {
  test(`${breaks}: ${title}`, () => {
    const [earlier, later] = [balancedBooks(), balancedBooks()];
    tamper(earlier, later);
    assert.deepEqual(
      compareAlways(earlier, later).map((finding) => [finding.invariant, finding.about]),
      [[breaks, about]],
    );
  });
}

test('stock adds up: a unit is gone from the stock', () => {
  const { movements, stock } = balancedBooks();
  const history = openStockHistory();
  history.follow(movements);
  at(stock, 0).held -= 1;
  const broken = history.compare(stock).map(({ invariant }) => invariant);
  assert.deepEqual(broken, ['stock', 'stock adds up']);
});

test('each rule that always holds is seen to fail', () => {
  assert.deepEqual(new Set([...cases.map(({ breaks }) => breaks), 'stock adds up']), new Set(alwaysTrueOfOrders));
});

test('books that agree break none of it, nor does an order that moved on while they were read', () => {
  const [earlier, later] = [balancedBooks(), balancedBooks()];
  assert.deepEqual(compareAlways(earlier, later), []);
  const order = at(earlier.orders, 2);
  order.status = 'pending';
  order.wasConfirmed = false;
  at(earlier.payments, 2).status = 'capturing';
  at(earlier.reservations, 2).status = 'held';
  assert.deepEqual(compareAlways(earlier, later), []);
});

test('nothing is concluded from a part that could not be read', () => {
  const books = balancedBooks();
  const unread: Later = { orders: null, movements: null, ledger: null };
  assert.deepEqual(compareAlways(books, unread), []);
  assert.deepEqual(compareAlways({ orders: [], payments: [], reservations: [] }, books), []);
});
