import type { OrderId } from '@sagamart/contracts/ids';
import type { Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import type { Owed, ProviderReply } from './payment.ts';

/** How a call was ended other than by its own answer. `operator` is null where it was found in the provider's books. */
export type Settlement = {
  readonly orderId: OrderId;
  /** What was owed until then. */
  readonly status: Owed['status'];
  readonly reply: ProviderReply;
  readonly operator: string | null;
  readonly reason: string;
};

/** A settlement as it is shown. */
export type KeptSettlement = {
  readonly id: string;
  readonly orderId: OrderId;
  readonly status: Owed['status'];
  readonly outcome: ProviderReply['outcome'];
  readonly captureId: string | null;
  readonly refundId: string | null;
  readonly declineReason: string | null;
  readonly operator: string | null;
  readonly reason: string;
  readonly settledAt: string;
};

export async function appendSettlement(
  tx: Transaction,
  { orderId, status, reply, operator, reason }: Settlement,
): Promise<void> {
  await tx.query({
    name: 'append-settlement',
    text: `insert into settlements (order_id, status, outcome, capture_id, refund_id, decline_reason, operator, reason)
           values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [
      orderId,
      status,
      reply.outcome,
      'captureId' in reply ? reply.captureId : null,
      'refundId' in reply ? reply.refundId : null,
      'declineReason' in reply ? reply.declineReason : null,
      operator,
      reason,
    ],
  });
}

/** Settlements, newest first: before an id, at most so many. */
export async function listSettlements(
  reader: Reader,
  { before, limit }: { before: string | null; limit: number },
): Promise<KeptSettlement[]> {
  const { rows } = await reader.query<SettlementRow>({
    name: 'list-settlements',
    text: `select ${columns} from settlements where $1::uuid is null or settlement_id < $1 order by settlement_id desc limit $2`,
    values: [before, limit],
  });
  return rows.map(fromRow);
}

const columns = `settlement_id as id, order_id as "orderId", status, outcome, capture_id as "captureId", refund_id as "refundId",
  decline_reason as "declineReason", operator, reason, settled_at as "settledAt"`;

type SettlementRow = Omit<KeptSettlement, 'settledAt'> & { settledAt: Date };

function fromRow(row: SettlementRow): KeptSettlement {
  return { ...row, settledAt: row.settledAt.toISOString() };
}
