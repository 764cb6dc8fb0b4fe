import type { Saboteur } from './saboteur.ts';

const stockStore = 'services/inventory/src/stock-store.ts';

/** What keeps a unit from being sold twice or held for nobody. */
export const inventorySaboteurs: readonly Saboteur[] = [
  {
    name: 'no-stock-guard',
    removes: 'the lock, the conditional update and the constraint that guard stock',
    where: 'inventory',
    changes: [
      {
        file: stockStore,
        remove: "'select sku, on_hand, held, committed from stock where sku = any($1) order by sku for update'",
        // All who wait here have read before the first of them writes.
        instead:
          "'select sku, on_hand, held, committed, (select pg_sleep(0.5)) from stock where sku = any($1) order by sku'",
      },
      {
        file: stockStore,
        remove:
          'and stock.on_hand >= -change.on_hand and stock.held >= -change.held and stock.committed >= -change.committed',
        instead: '',
      },
      {
        // As with an instance for each partition: one alone decides on one lot after the other.
        file: 'packages/service-kit/src/gathering.ts',
        remove: "records[0]?.topic ?? ''",
        instead: 'String(records[0]?.partition)',
      },
    ],
    beforehand: {
      kind: 'sql',
      statements: [
        'alter table stock drop constraint on_hand_not_negative',
        'alter table stock_movements drop constraint stock_movements_on_hand_check',
      ],
    },
    scene: 'the last unit is wanted by many, and by one more later',
    breaks: ['stock', 'stuck'],
    story:
      'Two look at the shelf at once, both see the last unit, and both sell it. Who comes later is told of -1 units, which no contract allows: parked.',
  },
  {
    name: 'commit-too-soon',
    removes: 'the confirmation that stock waits for before it is committed',
    where: 'inventory',
    changes: [
      {
        file: 'services/inventory/src/reservation.ts',
        remove: "return { reservation: { status: 'held', lines }, move: { kind: 'hold', lines }, says };",
        instead: "return { reservation: { status: 'committed', lines }, move: { kind: 'hold', lines }, says };",
      },
    ],
    scene: 'business as usual',
    breaks: ['committed was confirmed', 'stock', 'stuck'],
    story: 'Goods are handed over before anybody has paid, and cannot come back when the card is declined.',
  },
  {
    name: 'return-as-restock',
    removes: 'the rule that a returned unit is no longer a committed one',
    where: 'inventory',
    changes: [
      {
        file: 'services/inventory/src/stock.ts',
        remove: 'return { onHand: onHand + quantity, held, committed: committed - quantity };',
        instead: 'return { onHand: onHand + quantity, held, committed };',
      },
    ],
    scene: 'a paid order is cancelled',
    breaks: ['stock', 'stock adds up'],
    story: 'A unit that was returned is counted twice: on the shelf, and with the customer who gave it back.',
  },
  {
    name: 'no-tombstone',
    removes: 'the tombstone of an order that is cancelled before it was heard of',
    where: 'inventory',
    changes: [
      {
        file: 'services/inventory/src/reservation.ts',
        remove: "return { reservation: { status: 'tombstone' }, move: null, says: [] };",
        instead: 'return unchanged(before);',
      },
    ],
    scene: 'a cancellation overtakes the order',
    breaks: ['stock'],
    story: 'The order arrives after its cancellation, and its stock is held for ever.',
  },
  {
    name: 'open-door',
    removes: 'the wall around a database: a role of another service may log in',
    where: 'inventory',
    beforehand: { kind: 'sql', statements: ['create role payment_app login'] },
    scene: 'business as usual',
    breaks: ['walls'],
    story: 'Nothing has happened yet. The auditor tells of the open door before somebody goes through it.',
  },
];
