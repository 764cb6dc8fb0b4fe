import type { EventBody } from '@sagamart/contracts/events';
import type { CustomerId, OrderId, Sku } from '@sagamart/contracts/ids';

export type Quantities = readonly { readonly sku: Sku; readonly quantity: number }[];

/** What inventory knows of an order. `unseen` is an order nothing was heard of; a tombstone forbids to ever hold for it. */
export type Reservation =
  | { readonly status: 'unseen' | 'rejected' | 'tombstone' }
  | { readonly status: 'held' | 'committed' | 'released'; readonly lines: Quantities };

/** Whose order it is, so that a stranger's question can be refused. Null until order.placed was heard. */
export type Reserved = {
  readonly orderId: OrderId;
  readonly customerId: CustomerId | null;
  readonly reservation: Reservation;
};

/** The three places a unit can be. `onHand` is what may still be sold. */
export type Stock = { readonly onHand: number; readonly held: number; readonly committed: number };

/** Movements of an order: hold on hand → held, commit held → committed, release held → on hand, return committed → on hand. */
export type MovementKind = 'hold' | 'commit' | 'release' | 'return';

export type Move = { readonly kind: MovementKind; readonly lines: Quantities } | null;

export const heardByInventory = ['order.placed', 'order.confirmed', 'order.cancelled'] as const;
export type HeardByInventory = (typeof heardByInventory)[number];

type Said = EventBody<'stock.reserved' | 'stock.rejected' | 'stock.committed' | 'stock.released'>;
export type Reaction =
  | { readonly reservation: Reservation; readonly move: Move; readonly says: readonly Said[] }
  | 'unreachable';

/** Reserves all lines of an order or none, and gives back or hands over what is held once the order is decided. */
export function react(
  before: Reservation,
  event: EventBody<HeardByInventory>,
  stock: ReadonlyMap<Sku, Stock>,
): Reaction {
  switch (event.type) {
    case 'order.placed':
      return before.status === 'unseen'
        ? reserve(event.data.orderId, together(event.data.lines), stock)
        : unchanged(before);
    case 'order.confirmed':
      return commit(before, event.data.orderId);
    case 'order.cancelled':
      return release(before, event.data.orderId);
    default:
      return event satisfies never;
  }
}

/** The stock after a movement of `quantity` units. It may come out negative: the caller's balance check and the table forbid it. */
export function moveStock(stock: Stock, kind: MovementKind, quantity: number): Stock {
  const { onHand, held, committed } = stock;
  switch (kind) {
    case 'hold':
      return { onHand: onHand - quantity, held: held + quantity, committed };
    case 'commit':
      return { onHand, held: held - quantity, committed: committed + quantity };
    case 'release':
      return { onHand: onHand + quantity, held: held - quantity, committed };
    case 'return':
      return { onHand: onHand + quantity, held, committed: committed - quantity };
    default:
      return kind satisfies never;
  }
}

function reserve(orderId: OrderId, lines: Quantities, stock: ReadonlyMap<Sku, Stock>): Reaction {
  const shortages = lines
    .map(({ sku, quantity }) => ({ sku, wanted: quantity, available: stock.get(sku)?.onHand ?? 0 }))
    .filter(({ wanted, available }) => wanted > available);
  if (shortages.length > 0) {
    return {
      reservation: { status: 'rejected' },
      move: null,
      says: [{ type: 'stock.rejected', data: { orderId, shortages } }],
    };
  }
  const says: Said[] = [{ type: 'stock.reserved', data: { orderId, lines: [...lines] } }];
  return { reservation: { status: 'held', lines }, move: { kind: 'hold', lines }, says };
}

function commit(before: Reservation, orderId: OrderId): Reaction {
  if (before.status === 'committed') return unchanged(before);
  if (before.status !== 'held') return 'unreachable';
  const { lines } = before;
  const says: Said[] = [{ type: 'stock.committed', data: { orderId, lines: [...lines] } }];
  return { reservation: { status: 'committed', lines }, move: { kind: 'commit', lines }, says };
}

function release(before: Reservation, orderId: OrderId): Reaction {
  switch (before.status) {
    case 'unseen':
      return { reservation: { status: 'tombstone' }, move: null, says: [] };
    case 'held':
    case 'committed': {
      const { lines } = before;
      const says: Said[] = [{ type: 'stock.released', data: { orderId, lines: [...lines] } }];
      return {
        reservation: { status: 'released', lines },
        move: { kind: before.status === 'held' ? 'release' : 'return', lines },
        says,
      };
    }
    case 'rejected':
    case 'released':
    case 'tombstone':
      return unchanged(before);
    default:
      return before satisfies never;
  }
}

/** The same sku twice in one order counts together. Sorted by sku: the order in which stock is locked. */
function together(lines: Quantities): Quantities {
  const sums = new Map<Sku, number>();
  for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return [...sums].map(([sku, quantity]) => ({ sku, quantity })).toSorted((a, b) => (a.sku < b.sku ? -1 : 1));
}

function unchanged(reservation: Reservation): Reaction {
  return { reservation, move: null, says: [] };
}
