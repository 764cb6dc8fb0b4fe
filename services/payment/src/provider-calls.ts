import { inTransaction } from '@sagamart/service-kit/database';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { transition, type Clock } from '@sagamart/service-kit/transition';
import { startWorker, type Worker } from '@sagamart/service-kit/worker';
import type { OrderId } from '@sagamart/contracts/ids';
import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';
import { source } from './messages.ts';
import { settle, type ProviderReply } from './payment.ts';
import { claimDueCaptures, lockPayments, postponeCapture, updatePayments, type DueCapture } from './payment-store.ts';
import { callTimeoutMs, type Provider } from './provider.ts';

const callsInFlightMax = 32;
const idleMs = 1_000;
const leaseMs = callTimeoutMs + 1_000;
const pauseFirstMs = 200;
const pauseMaxMs = 30_000;

/**
 * Asks the provider for every capture that is owed, again and again with the same key until it answers. What is owed stands in the database, so
 * a crash loses nothing; no transaction is open while a call is under way.
 */
export function startProviderCalls(deps: { pool: Pool; provider: Provider; clock: Clock; logger: Logger }): Worker {
  const { pool, provider, clock, logger } = deps;
  const inFlight = new Set<Promise<void>>();

  const worker = startWorker({
    name: 'provider-calls',
    idleMs,
    logger,
    work: async () => {
      const free = callsInFlightMax - inFlight.size;
      if (free === 0) return false;
      const due = await claimDueCaptures(pool, { limit: free, leaseMs });
      for (const capture of due) {
        const call = ask(capture).finally(() => {
          inFlight.delete(call);
          // Half of the places free: a claim is worth its transaction.
          if (inFlight.size === callsInFlightMax / 2) worker.nudge();
        });
        inFlight.add(call);
      }
      return due.length === free && free > 1;
    },
  });

  return {
    nudge: worker.nudge,
    stop: async () => {
      await worker.stop();
      await Promise.all(inFlight);
    },
  };

  async function ask(capture: DueCapture): Promise<void> {
    try {
      const reply = await provider.capture(capture.orderId, capture.terms);
      await record(capture.orderId, reply);
    } catch (error) {
      const pauseMs = Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.min(capture.attempts, 10));
      logger.warn(
        { err: error, orderId: capture.orderId, attempts: capture.attempts, pauseMs },
        'capture not known or not recorded: the provider is asked again',
      );
      await postponeCapture(pool, capture.orderId, pauseMs).catch((postponeError: unknown) =>
        logger.warn({ err: postponeError, orderId: capture.orderId }, 'capture is asked again when its lease ends'),
      );
      setTimeout(worker.nudge, pauseMs).unref();
    }
  }

  /** The row is read again under lock and decided on as it is now: it may have moved while the provider was busy. */
  async function record(orderId: OrderId, reply: ProviderReply): Promise<void> {
    await inTransaction(pool, async (tx) => {
      const [before] = await lockPayments(tx, [orderId]);
      if (before === undefined) throw new RangeError(`the payment of order ${orderId} was not locked`);
      const { payment, says } = settle(before.payment, orderId, reply);
      const cause = {
        causationId: before.callCauseId,
        lamport: 0,
        correlationId: orderId,
        traceparent: before.traceparent,
      };
      const { lamport, version, events } = transition(source, before, cause, says, clock);
      await Promise.all([updatePayments(tx, [{ ...before, payment, lamport, version }]), appendToOutbox(tx, events)]);
    });
  }
}
