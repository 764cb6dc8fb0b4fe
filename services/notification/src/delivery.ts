import { lockForWork } from '@sagamart/service-kit/aggregate';
import { inTransaction, type Transaction } from '@sagamart/service-kit/transaction';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inSpan, traceparentOf } from '@sagamart/telemetry/spans';
import type { Deps } from './deps.ts';
import { createDoubts } from './doubts.ts';
import { composeMail } from './mail.ts';
import { pauseAfterMs, type MailInput } from './notification.ts';
import { claimDue, correspondences, postpone, type Claim } from './notification-store.ts';
import { connectionsMax, MailBlocked, MailNotTaken, MailRefused, sendTimeoutMs } from './smtp.ts';

/** So many deliveries take turns: while one records what became of its mails, the other sends. */
export const deliveriesAtOnce = 2;
const claimLeaseMs = 3 * sendTimeoutMs;

// No address and no server: only that a mail was handed over.
const smtp = { [attribute.protocol]: 'smtp' };

type Taken = { readonly claim: Claim; readonly sentAt: Date; readonly traceparent: string | null };
type Refused = { readonly claim: Claim; readonly refused: MailRefused };
type NotTaken = { readonly claim: Claim; readonly error: unknown };

/** A refusal that a sender who is not wanted might have got too is tried so often before it is believed. */
const attemptsBeforeBelief = 3;

/**
 * The work of the delivery worker: claims due notifications in a transaction of its own, sends them with none open, then records
 * what was sent or refused for good. True when there may be more. What the mail server took but the database could not record is recorded first at the
 * next call, not sent again; after a crash it is sent again, with the same Message-ID.
 */
export function createDelivery({
  pool,
  mailer,
  clock,
  logger,
}: Pick<Deps, 'pool' | 'mailer' | 'clock' | 'logger'>): () => Promise<boolean> {
  let unrecorded: readonly (Taken | Refused | NotTaken)[] = [];
  const doubts = createDoubts();

  return async () => {
    if (unrecorded.length === 0) {
      const claims = await claimDue(pool, { limit: connectionsMax, leaseMs: claimLeaseMs });
      unrecorded = (await Promise.all(claims.map(attempt))).map(judge);
    }
    if (unrecorded.length === 0) return false;
    const notTaken = unrecorded.filter((each) => 'error' in each);
    const ended = unrecorded.filter((each): each is Taken | Refused => !('error' in each));
    await inTransaction(pool, async (tx) => {
      if (ended.length > 0) await recordEnded(tx, ended);
      await postpone(
        tx,
        notTaken.map(({ claim: { notification, attempts }, error }) => ({
          ...notification,
          pauseMs: pauseAfterMs(attempts),
          answer: error instanceof MailNotTaken ? error.words : String(error),
          isBlocked: error instanceof MailBlocked,
        })),
      );
    });
    if (notTaken.length > 0)
      logger.warn(
        { count: notTaken.length, err: notTaken[0]?.error },
        'mail not taken: it is tried again after a pause',
      );
    for (const { claim, refused } of ended.filter((each) => 'refused' in each))
      logger.error(
        { orderId: claim.notification.orderId, err: refused },
        'the mail server refuses the address: its customer is not told',
      );
    unrecorded = [];
    return true;
  };

  async function attempt(claim: Claim): Promise<Taken | Refused | NotTaken> {
    try {
      return await inSpan(
        spanName.sendMail,
        { kind: 'CLIENT', parent: claim.traceparent, attributes: smtp },
        async (span) => {
          await mailer.send(composeMail(claim.notification));
          return { claim, sentAt: clock.now(), traceparent: traceparentOf(span) };
        },
      );
    } catch (error) {
      if (error instanceof MailRefused) return { claim, refused: error };
      return { claim, error };
    }
  }

  /** A refusal that may be for our sake ends nothing before it is believed. */
  function judge(attempted: Taken | Refused | NotTaken): Taken | Refused | NotTaken {
    if ('sentAt' in attempted) doubts.taken(attempted.claim.notification.email);
    if (!('refused' in attempted) || attempted.refused.isCertain) return attempted;
    const { claim, refused } = attempted;
    if (!doubts.isBelieved(claim.notification.email))
      return { claim, error: new MailBlocked(refused.message, refused.words) };
    return claim.attempts < attemptsBeforeBelief ? { claim, error: refused } : attempted;
  }

  /** Reads every row again under its lock and decides again: another sender may have recorded the same mail meanwhile. */
  async function recordEnded(tx: Transaction, attempts: readonly (Taken | Refused)[]): Promise<void> {
    const inputs = attempts.map(inputOf);
    const work = await lockForWork(tx, correspondences, inputs, clock);
    for (const input of inputs) {
      const after = work.take(input);
      if ('unreachable' in after)
        throw new RangeError(`notification ${input.orderId} ${input.outcome} is gone: its row is never deleted`);
    }
    await work.write();
  }
}

function inputOf(attempted: Taken | Refused): MailInput {
  const { orderId, outcome } = attempted.claim.notification;
  if ('refused' in attempted) return { type: 'refused', orderId, outcome };
  const { sentAt, traceparent } = attempted;
  return { type: 'taken', orderId, outcome, sentAt, traceparent };
}
