import type { Sku } from '@sagamart/contracts/ids';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { LostRace } from '@sagamart/service-kit/database-trouble';
import { moveStock, noStock, type Movement, type Stock } from './stock.ts';

/** Only a lost race can violate these: the code decided on balances it had locked. */
export const stockConstraints = ['on_hand_not_negative', 'held_not_negative', 'committed_not_negative'];

/**
 * Locks the stock of the skus, sorted, in a statement that does nothing else: one that locked and decided at once would decide on a
 * snapshot older than its locks. Unknown skus are absent from the result.
 */
export async function lockStock(tx: Transaction, skus: readonly Sku[]): Promise<Map<Sku, Stock>> {
  const { rows } = await tx.query<{ sku: Sku; on_hand: number; held: number; committed: number }>({
    name: 'lock-stock',
    text: 'select sku, on_hand, held, committed from stock where sku = any($1) order by sku for update',
    values: [skus],
  });
  return new Map(rows.map(({ sku, on_hand, held, committed }) => [sku, { onHand: on_hand, held, committed }]));
}

/**
 * Applies movements: each stock row is changed once, by its net difference and only where that leaves nothing negative, and every movement
 * is written down. Throws LostRace when fewer rows changed than were decided on.
 */
export async function applyMovements(tx: Transaction, movements: readonly Movement[]): Promise<void> {
  if (movements.length === 0) return;
  const differences = new Map<Sku, Stock>();
  for (const { sku, kind, quantity } of movements)
    differences.set(sku, moveStock(differences.get(sku) ?? noStock, kind, quantity));
  const changes = Array.from(differences, ([sku, { onHand, held, committed }]) => ({
    sku,
    on_hand: onHand,
    held,
    committed,
  }));
  const changed = tx.query({
    name: 'change-stock',
    text: `
      update stock set on_hand = stock.on_hand + change.on_hand, held = stock.held + change.held, committed = stock.committed + change.committed
      from json_to_recordset($1) as change (sku text, on_hand integer, held integer, committed integer)
      where stock.sku = change.sku
        and stock.on_hand >= -change.on_hand and stock.held >= -change.held and stock.committed >= -change.committed`,
    values: [JSON.stringify(changes)],
  });
  const [{ rowCount }] = await Promise.all([changed, insertMovements(tx, movements)]);
  if (rowCount !== changes.length)
    throw new LostRace(`stock of ${changes.length} products was to change, ${rowCount} rows did`);
}

async function insertMovements(tx: Transaction, movements: readonly Movement[]): Promise<void> {
  const rows = movements.map(({ sku, kind, quantity, orderId, after }) => ({
    ...{ sku, kind, quantity },
    order_id: orderId,
    on_hand: after.onHand,
    held: after.held,
    committed: after.committed,
  }));
  await tx.query({
    name: 'insert-movements',
    text: `
      insert into stock_movements (sku, kind, quantity, order_id, on_hand, held, committed)
      select sku, kind, quantity, order_id, on_hand, held, committed
      from json_to_recordset($1) as movement (sku text, kind text, quantity integer, order_id uuid, on_hand integer, held integer, committed integer)`,
    values: [JSON.stringify(rows)],
  });
}
