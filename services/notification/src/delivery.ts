import { inTransaction, type Tx } from '@sagamart/service-kit/database';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { transition } from '@sagamart/service-kit/transition';
import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inSpan, traceparentOf } from '@sagamart/telemetry/spans';
import type { Deps } from './deps.ts';
import { composeMail } from './mail.ts';
import { source } from './messages.ts';
import { deliver, pauseAfterMs } from './notification.ts';
import {
  claimDue,
  lockCorrespondences,
  postpone,
  updateCorrespondences,
  updateSent,
  type Claim,
  type StoredNotification,
} from './notification-store.ts';
import { connectionsMax, sendTimeoutMs } from './smtp.ts';

const claimLeaseMs = 3 * sendTimeoutMs;

// No address and no server: only that a mail was handed over.
const smtp = { [attribute.protocol]: 'smtp' };

type Taken = { readonly claim: Claim; readonly sentAt: Date; readonly traceparent: string | null };
type NotTaken = { readonly claim: Claim; readonly error: unknown };

/**
 * The work of the delivery worker: claims due notifications in a transaction of its own, sends them with none open, then records
 * what was sent. True when there may be more. What the mail server took but the database could not record is recorded first at the
 * next call, not sent again; after a crash it is sent again, with the same Message-ID.
 */
export function createDelivery({
  pool,
  mailer,
  clock,
  logger,
}: Pick<Deps, 'pool' | 'mailer' | 'clock' | 'logger'>): () => Promise<boolean> {
  let unrecorded: readonly (Taken | NotTaken)[] = [];

  return async () => {
    if (unrecorded.length === 0) {
      const claims = await claimDue(pool, { limit: connectionsMax, leaseMs: claimLeaseMs });
      unrecorded = await Promise.all(claims.map(attempt));
    }
    if (unrecorded.length === 0) return false;
    const taken = unrecorded.filter((each) => 'sentAt' in each);
    const notTaken = unrecorded.filter((each) => 'error' in each);
    await inTransaction(pool, async (tx) => {
      if (taken.length > 0) await recordTaken(tx, taken);
      await postpone(
        tx,
        notTaken.map(({ claim }) => ({ ...claim.notification, pauseMs: pauseAfterMs(claim.attempts) })),
      );
    });
    if (notTaken.length > 0)
      logger.warn(
        { count: notTaken.length, err: notTaken[0]?.error },
        'mail not taken: it is tried again after a pause',
      );
    unrecorded = [];
    return true;
  };

  async function attempt(claim: Claim): Promise<Taken | NotTaken> {
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
      return { claim, error };
    }
  }

  /** Reads every row again under its lock and decides again: another sender may have recorded the same mail meanwhile. */
  async function recordTaken(tx: Tx, taken: readonly Taken[]): Promise<void> {
    const orderIds = new Set(taken.map(({ claim }) => claim.notification.orderId));
    const correspondences = await lockCorrespondences(tx, [...orderIds]);
    const sent: StoredNotification[] = [];
    const said: ShopEvent[] = [];
    for (const { claim, sentAt, traceparent } of taken) {
      const { orderId, outcome } = claim.notification;
      const before = correspondences.get(orderId);
      const stored = before?.notifications.find((each) => each.notification.outcome === outcome);
      if (before === undefined || stored === undefined)
        throw new RangeError(`notification ${orderId} ${outcome} is gone: its row is never deleted`);
      const delivered = deliver(stored.notification, sentAt);
      if (delivered === 'already_recorded') continue;
      const cause = { ...stored.cause, traceparent };
      const { lamport, version, events } = transition(source, before, cause, delivered.says, clock);
      correspondences.set(orderId, { ...before, lamport, version });
      sent.push({ ...stored, notification: delivered.notification });
      said.push(...events);
    }
    await updateSent(tx, sent);
    await updateCorrespondences(tx, [...correspondences.values()]);
    await appendToOutbox(tx, said);
  }
}
