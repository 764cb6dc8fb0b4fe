import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventBody } from '@sagamart/contracts/events';
import { placedData, skuOf } from '@sagamart/test-kit/event-builder';
import { heardByInventory, react, type HeardByInventory, type Reaction, type Reservation } from './reservation.ts';
import { moveStock } from './stock.ts';

const mug = skuOf('MUG');
const lamp = skuOf('LAMP');
const plenty = new Map([
  [mug, { onHand: 10, held: 0, committed: 0 }],
  [lamp, { onHand: 10, held: 0, committed: 0 }],
]);
const lines = [{ sku: mug, quantity: 2 }];

// Rows: the reservation before. Columns: order.placed, order.confirmed, order.cancelled. Written by hand from design section 4.
const table: [Reservation, string, string, string][] = [
  [{ status: 'unseen' }, 'held, hold, stock.reserved', 'unreachable', 'tombstone'],
  [{ status: 'held', lines }, 'held', 'committed, commit, stock.committed', 'released, release, stock.released'],
  [{ status: 'rejected' }, 'rejected', 'unreachable', 'rejected'],
  [{ status: 'committed', lines }, 'committed', 'committed', 'released, return, stock.released'],
  [{ status: 'released', lines }, 'released', 'unreachable', 'released'],
  [{ status: 'tombstone' }, 'tombstone', 'unreachable', 'tombstone'],
];

for (const [before, ...expected] of table) {
  for (const [column, type] of heardByInventory.entries()) {
    test(`${type} at a reservation that is ${before.status}: ${expected[column]}`, () => {
      assert.equal(inWords(react(before, bodyOf(type), plenty)), expected[column]);
    });
  }
}

test('all lines are reserved or none', () => {
  const order = placedData({ lines: [line('MUG', 2), line('LAMP', 11)] });
  const reaction = react({ status: 'unseen' }, { type: 'order.placed', data: order }, plenty);
  assert.ok(reaction !== 'unreachable');
  assert.equal(reaction.move, null);
  assert.deepEqual(reaction.says, [
    { type: 'stock.rejected', data: { orderId: order.orderId, shortages: [{ sku: lamp, wanted: 11, available: 10 }] } },
  ]);
});

test('the same sku twice in one order counts together', () => {
  const sixAndSix = placedData({ lines: [line('MUG', 6), line('MUG', 6)] });
  assert.equal(
    inWords(react({ status: 'unseen' }, { type: 'order.placed', data: sixAndSix }, plenty)),
    'rejected, stock.rejected',
  );
  const fiveAndFive = placedData({ lines: [line('MUG', 5), line('MUG', 5)] });
  const reaction = react({ status: 'unseen' }, { type: 'order.placed', data: fiveAndFive }, plenty);
  assert.ok(reaction !== 'unreachable');
  assert.deepEqual(reaction.move, { kind: 'hold', lines: [{ sku: mug, quantity: 10 }] });
});

test('a product inventory has never heard of is out of stock', () => {
  const order = placedData({ lines: [line('NO-SUCH', 1)] });
  assert.equal(
    inWords(react({ status: 'unseen' }, { type: 'order.placed', data: order }, plenty)),
    'rejected, stock.rejected',
  );
});

test('no movement makes or loses a unit', () => {
  const before = { onHand: 5, held: 4, committed: 3 };
  for (const kind of ['hold', 'commit', 'release', 'return'] as const) {
    const { onHand, held, committed } = moveStock(before, kind, 2);
    assert.equal(onHand + held + committed, 12, kind);
  }
});

function line(sku: string, quantity: number) {
  return { sku: skuOf(sku), name: sku, quantity, unitPriceMinor: 100 };
}

function inWords(reaction: Reaction): string {
  if (reaction === 'unreachable') return reaction;
  const { reservation, move, says } = reaction;
  return [reservation.status, ...(move === null ? [] : [move.kind]), ...says.map((said) => said.type)].join(', ');
}

function bodyOf(type: HeardByInventory): EventBody<HeardByInventory> {
  const { orderId, customerId, lines: ordered, totalMinor, currency } = placedData();
  const outcome = { orderId, customerId, lines: ordered, totalMinor, currency, contact: { email: null } };
  const at = '2026-01-01T00:00:01.000Z';
  if (type === 'order.placed') return { type, data: placedData() };
  if (type === 'order.confirmed') return { type, data: { ...outcome, confirmedAt: at } };
  return { type, data: { ...outcome, reason: 'payment_declined', cancelledAt: at, confirmedAt: null } };
}
