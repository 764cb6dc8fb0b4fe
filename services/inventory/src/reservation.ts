import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventBody } from '@sagamart/contracts/events';
import type { CustomerId, OrderId, Sku } from '@sagamart/contracts/ids';
import type { Aggregate } from '@sagamart/service-kit/aggregate';
import { causedBy, type Counters } from '@sagamart/service-kit/transition';
import { moveStock, noStock, type Movement, type MovementKind, type Stock } from './stock.ts';

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

/** A reservation with the stock of whatever it is about, which other orders share. */
export type ReservationRow = Reserved & {
  readonly stock: ReadonlyMap<Sku, Stock>;
  /** What the last step moved. */
  readonly moved: readonly Movement[];
} & Counters;

/** Every step of a reservation, with its stock. */
export const reservationAggregate: Aggregate<ReservationRow, ShopEvent<HeardByInventory>> = {
  source: '/inventory',
  decide: (before, event) => {
    const { orderId, customerId } = event.data;
    const reaction = react(before.reservation, event, before.stock);
    if (reaction === 'unreachable') return { unreachable: before.reservation.status };
    const { reservation, says } = reaction;
    const moved = movementsOf(orderId, reaction.move, before.stock);
    const stock =
      moved.length === 0
        ? before.stock
        : new Map([...before.stock, ...moved.map((each) => [each.sku, each.after] as const)]);
    const row = { ...before, customerId: before.customerId ?? customerId, reservation, stock, moved };
    return { row, emits: says, cause: causedBy(event) };
  },
};

function movementsOf(orderId: OrderId, move: Move, stock: ReadonlyMap<Sku, Stock>): Movement[] {
  if (move === null) return [];
  const balances = new Map(stock);
  return move.lines.map(({ sku, quantity }) => {
    const after = moveStock(balances.get(sku) ?? noStock, move.kind, quantity);
    balances.set(sku, after);
    return { sku, kind: move.kind, quantity, orderId, after };
  });
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
