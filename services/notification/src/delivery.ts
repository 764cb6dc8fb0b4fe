import { inTransaction, type Tx } from '@sagamart/service-kit/database';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { transition } from '@sagamart/service-kit/transition';
import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inSpan, traceparentOf } from '@sagamart/telemetry/spans';
import type { Deps } from './deps.ts';
import { createDoubts } from './doubts.ts';
import { composeMail } from './mail.ts';
import { source } from './messages.ts';
import { deliver, giveUp, pauseAfterMs } from './notification.ts';
import {
  claimDue,
  lockCorrespondences,
  postpone,
  updateCorrespondences,
  updateEnded,
  type Claim,
  type StoredNotification,
} from './notification-store.ts';
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
  async function recordEnded(tx: Tx, attempts: readonly (Taken | Refused)[]): Promise<void> {
    const orderIds = new Set(attempts.map(({ claim }) => claim.notification.orderId));
    const correspondences = await lockCorrespondences(tx, [...orderIds]);
    const ended: StoredNotification[] = [];
    const said: ShopEvent[] = [];
    for (const attempted of attempts) {
      const { orderId, outcome } = attempted.claim.notification;
      const before = correspondences.get(orderId);
      const stored = before?.notifications.find((each) => each.notification.outcome === outcome);
      if (before === undefined || stored === undefined)
        throw new RangeError(`notification ${orderId} ${outcome} is gone: its row is never deleted`);
      const isRefused = 'refused' in attempted;
      const end = isRefused ? giveUp(stored.notification) : deliver(stored.notification, attempted.sentAt);
      if (end === 'already_recorded') continue;
      const cause = isRefused ? stored.cause : { ...stored.cause, traceparent: attempted.traceparent };
      const { lamport, version, events } = transition(source, before, cause, end.says, clock);
      correspondences.set(orderId, { ...before, lamport, version });
      ended.push({ ...stored, notification: end.notification });
      said.push(...events);
    }
    await Promise.all([
      updateEnded(tx, ended),
      updateCorrespondences(tx, [...correspondences.values()]),
      appendToOutbox(tx, said),
    ]);
  }
}
