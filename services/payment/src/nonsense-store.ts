import type { OrderId } from '@sagamart/contracts/ids';
import { storable } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import type { Owed } from './payment.ts';

/** What is kept of the words in which a call was not answered. */
export const answerTextMax = 500;

/** Remembers an answer that made no sense to a call: how many there were, since when, and what was wrong with the last. */
export async function recordNonsense(
  tx: Transaction,
  { orderId, status, text }: { orderId: OrderId; status: Owed['status']; text: string },
): Promise<void> {
  await tx.query({
    name: 'record-nonsense',
    text: `
      insert into nonsense_answers (order_id, status, last_text) values ($1, $2, $3)
      on conflict (order_id, status) do update set answers = nonsense_answers.answers + 1, last_at = now(), last_text = excluded.last_text`,
    values: [orderId, status, storable(text.slice(0, answerTextMax))],
  });
}
