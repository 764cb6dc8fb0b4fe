import { newId } from '@sagamart/contracts/ids';
import { cancelledId, confirmedId, sku, type DraftBooks } from './balanced-books-fixture.ts';
import { at, testTamperings, type Tampering } from './tampering-fixture.ts';

type Case = Omit<Tampering, 'finds'>;

const cases: Case[] = [
  {
    title: 'a unit is gone from the stock',
    about: sku,
    says: ['there must be 8 on hand, 0 held, 2 committed, the stock says 7 on hand'],
    tamper: ({ stock }) => void (at(stock, 0).onHand -= 1),
  },
  {
    title: 'a sku has no stock any more',
    about: sku,
    says: ['has movements, but no stock'],
    tamper: ({ stock }) => void stock.pop(),
  },
  {
    title: 'a hold is gone from the history',
    about: confirmedId,
    says: ['the reservation is committed, but its movements are commit', 'after movement 4 (commit 2) there must be'],
    tamper: ({ movements }) => void movements.splice(1, 1),
  },
  {
    title: 'a movement of an unknown kind',
    about: sku,
    says: ['movement 5 is of an unknown kind, theft'],
    tamper: ({ movements }) => void (at(movements, 4).kind = 'theft'),
  },
  {
    title: 'a movement leaves another balance',
    about: sku,
    says: [
      'after movement 4 (commit 2) there must be 7 on hand, 1 held, 2 committed, it says 7 on hand, 1 held, 3 committed',
    ],
    tamper: ({ movements }) => void (at(movements, 3).committed += 1),
  },
  {
    title: 'there once was less than nothing on hand',
    about: sku,
    says: ['less than nothing: -1 on hand'],
    tamper: sellMoreThanThereWas,
  },
  {
    title: 'more was given back than was held',
    about: sku,
    says: ['less than nothing: 9 on hand, -1 held'],
    tamper: ({ movements }) => void movements.push({ ...at(movements, 4), movementId: 6 }),
  },
  {
    title: 'more came back than was committed',
    about: sku,
    says: ['less than nothing: 11 on hand, 0 held, -1 committed'],
    tamper: ({ movements }) => void movements.push({ ...at(movements, 4), movementId: 6, kind: 'return', quantity: 3 }),
  },
  {
    title: 'an order moved stock without a reservation',
    says: ['has moved stock, but there is no reservation'],
    tamper: ({ movements }) => void (at(movements, 1).orderId = newId()),
  },
  {
    title: 'an order moved more than it reserved',
    about: confirmedId,
    says: [`the reservation is of 2 × ${sku}, but its hold moved 3 × ${sku}`],
    tamper: ({ movements }) => void (at(movements, 1).quantity = 3),
  },
  {
    title: 'a reservation is of other lines than its order',
    about: confirmedId,
    says: [`is of 2 × ${sku}, but its reservation is of 3 × ${sku}`],
    tamper: ({ reservations }) => void (at(reservations, 0).lines = [{ sku, quantity: 3 }]),
  },
  {
    title: 'a reservation was left unseen',
    about: cancelledId,
    says: ['the reservation is unseen', 'is cancelled, but its stock is unseen'],
    tamper: ({ reservations }) => void (at(reservations, 1).status = 'unseen'),
  },
  {
    title: 'a confirmed order has its stock released',
    about: confirmedId,
    says: [
      'is confirmed, but its stock is released',
      'the reservation is released, but its movements are hold, commit',
    ],
    tamper: ({ reservations }) => void (at(reservations, 0).status = 'released'),
  },
  {
    title: 'a cancelled order has its stock held',
    about: cancelledId,
    says: ['is cancelled, but its stock is held'],
    tamper: ({ reservations }) => void (at(reservations, 1).status = 'held'),
  },
  {
    title: 'a pending order that is long overdue still has its stock held',
    about: cancelledId,
    says: ['is pending, but its stock is held'],
    tamper: ({ orders, reservations }) => {
      at(orders, 1).status = 'pending';
      at(reservations, 1).status = 'held';
    },
  },
  {
    title: 'a rejected order moved stock',
    about: cancelledId,
    says: ['the reservation is rejected, but its movements are hold, release'],
    tamper: ({ reservations }) => void (at(reservations, 1).status = 'rejected'),
  },
  {
    title: 'a released reservation never held anything',
    about: cancelledId,
    says: ['the reservation is released, but its movements are none'],
    tamper: ({ movements }) =>
      void movements.splice(0, movements.length, ...movements.filter(({ orderId }) => orderId !== cancelledId)),
  },
  {
    title: 'a reservation is gone',
    about: confirmedId,
    says: ['is confirmed, but inventory has no reservation of it'],
    tamper: ({ reservations }) => void reservations.shift(),
  },
  {
    title: 'a reservation is of no order',
    says: ['has a reservation, but there is no such order'],
    tamper: ({ reservations }) => void reservations.push({ orderId: newId(), status: 'tombstone', lines: [] }),
  },
];

testTamperings(cases.map((each) => ({ ...each, finds: 'stock' })));

function sellMoreThanThereWas({ movements }: DraftBooks): void {
  at(movements, 0).quantity = 1;
}
