import type { OrderId, Sku } from '@sagamart/contracts/ids';

/** The three places a unit can be. `onHand` is what may still be sold. */
export type Stock = { readonly onHand: number; readonly held: number; readonly committed: number };

export const noStock: Stock = { onHand: 0, held: 0, committed: 0 };

/** Movements of an order: hold on hand → held, commit held → committed, release held → on hand, return committed → on hand. */
export type MovementKind = 'hold' | 'commit' | 'release' | 'return';

/** One line of the stock ledger: what moved, and the balances right after. */
export type Movement = {
  readonly sku: Sku;
  readonly kind: MovementKind | 'initial' | 'restock';
  readonly quantity: number;
  readonly orderId: OrderId | null;
  readonly after: Stock;
};

/** The stock after a movement of `quantity` units. It may come out negative: the caller's balance check and the table forbid it. */
export function moveStock(stock: Stock, kind: Movement['kind'], quantity: number): Stock {
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
    case 'initial':
    case 'restock':
      return { onHand: onHand + quantity, held, committed };
    default:
      return kind satisfies never;
  }
}

/** All units of a product together stay within PostgreSQL's integer, wherever they move. */
export const unitsMax = 2_000_000_000;

/** An operator adds units to what may be sold, or is refused: there can be so many of a product, sold ones included. */
export function restock(sku: Sku, { onHand, held, committed }: Stock, quantity: number): Movement | 'stock_full' {
  if (onHand + held + committed + quantity > unitsMax) return 'stock_full';
  return { sku, kind: 'restock', quantity, orderId: null, after: { onHand: onHand + quantity, held, committed } };
}
