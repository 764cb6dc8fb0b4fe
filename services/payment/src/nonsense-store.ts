import type { OrderId } from '@sagamart/contracts/ids';
import { storable, type Reader, type Tx } from '@sagamart/service-kit/database';
import type { Owed } from './payment.ts';

export const nonsenseTextMax = 500;

/** Remembers an answer that made no sense to a call: how many there were, since when, and what was wrong with the last. */
export async function recordNonsense(
  tx: Tx,
  { orderId, status, text }: { orderId: OrderId; status: Owed['status']; text: string },
): Promise<void> {
  await tx.query({
    name: 'record-nonsense',
    text: `
      insert into nonsense_answers (order_id, status, last_text) values ($1, $2, $3)
      on conflict (order_id, status) do update set answers = nonsense_answers.answers + 1, last_at = now(), last_text = excluded.last_text`,
    values: [orderId, status, storable(text.slice(0, nonsenseTextMax))],
  });
}

/** How many payments wait for an answer that makes sense, and the one that has waited longest. */
export type OpenNonsense = { readonly payments: number; readonly firstAt: Date; readonly orderId: OrderId };

/** Null when no call of which nonsense was answered is still owed. */
export async function findOpenNonsense(reader: Reader): Promise<OpenNonsense | null> {
  const { rows } = await reader.query<{ payments: number; first_at: Date; order_id: OrderId }>({
    name: 'find-open-nonsense',
    text: `
      select count(*) over () as payments, first_at, order_id from nonsense_answers join payments using (order_id, status)
      order by first_at, order_id limit 1`,
  });
  const [oldest] = rows;
  return oldest === undefined
    ? null
    : { payments: oldest.payments, firstAt: oldest.first_at, orderId: oldest.order_id };
}
