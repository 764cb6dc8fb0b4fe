import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedBooks, cancelledId, refundedId, type DraftBooks } from './balanced-books-fixture.ts';
import { compareAlways } from './always-true.ts';
import { compareBooks } from './compare-books.ts';
import { isRefundedElsewhere } from './compare-money.ts';
import { openNotebook } from './notebook.ts';
import { entriesByOrder } from './outside-world.ts';
import { at } from './tampering-fixture.ts';

const byHand: { title: string; change: (books: DraftBooks) => void }[] = [
  {
    title:
      'the provider was asked by hand for the refund, under a key and a reference of the desk, and it was taken over',
    change: ({ ledger, payments }) => {
      Object.assign(at(ledger, 3), { key: 'desk-1', reference: 'by hand' });
      at(payments, 2).settledBy = 'books';
    },
  },
  {
    title: 'a person looked such a refund up and said so',
    change: ({ ledger, payments }) => {
      Object.assign(at(ledger, 3), { key: 'desk-1' });
      at(payments, 2).settledBy = 'person';
    },
  },
  {
    title: 'a person has said that the money went back by another way',
    change: ({ ledger, payments }) => {
      ledger.splice(3, 1);
      Object.assign(at(payments, 2), { settledBy: 'person', refundId: 'bank-7' });
    },
  },
  {
    title: 'a person has said that nothing was captured, and the provider knows nothing of it',
    change: ({ ledger, payments }) => {
      ledger.splice(1, 1);
      at(payments, 1).settledBy = 'person';
    },
  },
];
for (const { title, change } of byHand) {
  test(`the books balance when ${title}`, () => {
    const books = balancedBooks();
    change(books);
    assert.deepEqual(compareBooks(books), []);
    const { orders, movements, ledger } = books;
    assert.deepEqual(compareAlways(books, { orders, movements, ledger }), []);
  });
}

test('only money that went back by another way than through the provider is counted as such', () => {
  const books = balancedBooks();
  const refunded = at(books.payments, 2);
  const entries = entriesByOrder(books.ledger).get(refundedId) ?? [];
  assert.equal(isRefundedElsewhere({ ...refunded, settledBy: 'person' }, entries), false);
  const [capture] = entries;
  assert.ok(capture !== undefined);
  assert.equal(isRefundedElsewhere({ ...refunded, settledBy: 'person' }, [capture]), true);
  assert.equal(isRefundedElsewhere({ ...refunded, settledBy: null }, [capture]), false);
});

test('the order of a capture is found again in the notebook, for a refund that does not name it', (t) => {
  const notebook = openNotebook();
  t.after(() => notebook.close());
  const { ledger } = balancedBooks();
  notebook.note(
    'ledger',
    ledger.map((entry) => ({ ...entry, orderId: entry.reference ?? cancelledId })),
  );
  assert.equal(notebook.orderOfCapture('cap_3'), refundedId);
  assert.equal(notebook.orderOfCapture('cap_of_nobody'), undefined);
});
