import { lockForWork } from '@sagamart/service-kit/aggregate';
import { inTransaction } from '@sagamart/service-kit/transaction';
import { triageDatabaseError } from '@sagamart/service-kit/database-trouble';
import type { Clock } from '@sagamart/service-kit/transition';
import { spanName } from '@sagamart/telemetry/names';
import { inSpan } from '@sagamart/telemetry/spans';
import { isSampled } from '@sagamart/telemetry/trace-context';
import DataLoader from 'dataloader';
import type { Pool } from 'pg';
import { isOwed, type ProviderReply, type Reply } from './payment.ts';
import { payments, type DueCall } from './payment-store.ts';
import { ProviderNonsense } from './provider.ts';
import { appendSettlement, type Settlement } from './settlement-store.ts';

/** What the provider replied to a call; `foundAfter` is what it said instead, where its books had to tell. */
export type Answered = { readonly due: DueCall; readonly reply: ProviderReply; readonly foundAfter: string | null };

/** Whether the provider owes another answer now; an error where this one was not recorded. */
type Outcome = boolean | Error;

/**
 * Records replies of the provider: those that come while others are being recorded are recorded next, together in one transaction. `load` resolves once
 * its reply is committed, with whether the provider now owes another; it rejects when the reply makes no sense, or could not be recorded.
 */
export function createReplyRecorder(deps: { pool: Pool; clock: Clock; togetherMax: number }) {
  const { pool, clock, togetherMax } = deps;
  let recording: Promise<unknown> = Promise.resolve();

  const recordTogether = (answers: readonly Answered[]): Promise<Outcome[]> => {
    if (answers.length === 1) return record(answers);
    const links = answers.map(({ due }) => due.traceparent);
    // A trace of its own, begun for those that are recorded.
    const recorded = links.some(isSampled)
      ? inSpan(spanName.recordReplies, { parent: null, links }, () => record(answers))
      : record(answers);
    return recorded.catch((error: unknown) => {
      // What one of them is refused for is none of the others' business; a database that is away refuses each.
      if (triageDatabaseError(error) === 'unavailable') throw error;
      return Promise.all(answers.map(recordAlone));
    });
  };

  return new DataLoader<Answered, boolean>(
    (answers) => {
      const recorded = recordTogether(answers);
      recording = recorded.catch(() => undefined);
      return recorded;
    },
    { cache: false, maxBatchSize: togetherMax, batchScheduleFn: (begin) => void recording.then(begin) },
  );

  async function recordAlone(answer: Answered): Promise<Outcome> {
    try {
      const [outcome] = await record([answer]);
      return outcome ?? false;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** The rows are read again under lock and decided on as they are now: they may have moved while the provider was busy. */
  function record(answers: readonly Answered[]): Promise<Outcome[]> {
    return inTransaction(pool, async (tx) => {
      const work = await lockForWork(tx, payments, answers.map(replyOf), clock);
      const found: Settlement[] = [];
      const outcomes = answers.map((answer) => {
        const { due, reply, foundAfter } = answer;
        const { orderId, payment: asked } = due;
        const after = work.take(replyOf(answer));
        if (!('row' in after))
          return new ProviderNonsense(
            `asked while ${asked.status}, the provider says ${JSON.stringify(reply)} of a payment that is ${after.unreachable}`,
          );
        if (foundAfter !== null && after.events.length > 0)
          found.push({ orderId, status: asked.status, reply, operator: null, reason: foundAfter });
        return isOwed(after.row.payment);
      });
      await Promise.all([work.write(), ...found.map((settlement) => appendSettlement(tx, settlement))]);
      return outcomes;
    });
  }
}

function replyOf({ due: { orderId, causeId, traceparent }, reply }: Answered): Reply {
  return { type: 'reply', orderId, reply, causeId, traceparent };
}
