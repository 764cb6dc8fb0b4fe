import type { OrderId } from '@sagamart/contracts/ids';
import type { Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import type { Notification } from './notification.ts';

/** What an operator did about a notification. */
export type MailAct = {
  readonly orderId: OrderId;
  readonly outcome: Notification['outcome'];
  readonly act: 'resend' | 'give_up';
  readonly changesAddress: boolean;
  readonly operator: string;
  readonly reason: string;
};
export type KeptMailAct = MailAct & { readonly id: string; readonly actedAt: string };

export async function appendMailAct(
  tx: Transaction,
  { orderId, outcome, act, changesAddress, operator, reason }: MailAct,
) {
  await tx.query({
    name: 'append-mail-act',
    text: `insert into mail_acts (order_id, outcome, act, changes_address, operator, reason) values ($1, $2, $3, $4, $5, $6)`,
    values: [orderId, outcome, act, changesAddress, operator, reason],
  });
}

/** What operators did, newest first: before an id, at most so many. */
export async function listMailActs(
  reader: Reader,
  { before, limit }: { before: string | null; limit: number },
): Promise<KeptMailAct[]> {
  const { rows } = await reader.query<MailAct & { id: string; actedAt: Date }>({
    name: 'list-mail-acts',
    text: `
      select act_id as id, order_id as "orderId", outcome, act, changes_address as "changesAddress", operator, reason, acted_at as "actedAt"
      from mail_acts where $1::uuid is null or act_id < $1 order by act_id desc limit $2`,
    values: [before, limit],
  });
  return rows.map((row) => ({ ...row, actedAt: row.actedAt.toISOString() }));
}
