import { inTransaction } from '@sagamart/service-kit/database';
import type { ReadinessCheck } from '@sagamart/service-kit/http-app';
import type { Clock } from '@sagamart/service-kit/transition';
import { startWorker, type Worker } from '@sagamart/service-kit/worker';
import type { Logger } from '@sagamart/telemetry/logger';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inSpan, markFailed, traceparentOf } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { pauseAfterMs, type ProviderReply } from './payment.ts';
import { findOpenNonsense, recordNonsense } from './nonsense-store.ts';
import { claimDueCalls, postponeCall, type DueCall } from './payment-store.ts';
import { callTimeoutMs, ProviderNonsense, type Provider } from './provider.ts';
import { createReplyRecorder } from './provider-replies.ts';

export const callsInFlightMax = 32;
const idleMs = 1_000;
const leaseMs = callTimeoutMs + 1_000;

/**
 * Asks the provider for every capture, void and refund that is owed, again and again with the same key and with growing pauses, until it
 * answers. What is owed stands in the database, so a crash loses nothing; no transaction is open while a call is under way.
 */
export function startProviderCalls(deps: { pool: Pool; provider: Provider; clock: Clock; logger: Logger }): Worker {
  const { pool, provider, clock, logger } = deps;
  const inFlight = new Set<Promise<void>>();
  const replies = createReplyRecorder({ pool, clock, togetherMax: callsInFlightMax });

  const worker = startWorker({
    name: 'provider-calls',
    idleMs,
    logger,
    work: async () => {
      const free = callsInFlightMax - inFlight.size;
      if (free === 0) return false;
      const due = await claimDueCalls(pool, { limit: free, leaseMs });
      for (const dueCall of due) {
        const call = inTraceOf(dueCall).finally(() => {
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

  function inTraceOf(due: DueCall): Promise<void> {
    const { orderId, payment, traceparent: parent } = due;
    const attributes = { [attribute.orderId]: orderId };
    return inSpan(spanName.askProvider(payment.status), { parent, attributes }, (span) =>
      ask({ ...due, traceparent: traceparentOf(span) }),
    );
  }

  async function ask(due: DueCall): Promise<void> {
    const { orderId, payment, attempts } = due;
    try {
      const owesMore = await replies.load({ due, reply: await callOf(due) });
      if (owesMore) worker.nudge();
    } catch (error) {
      markFailed(error instanceof ProviderNonsense ? 'nonsense' : 'unknown');
      const pauseMs = pauseAfterMs(attempts);
      const facts = { err: error, orderId, status: payment.status, attempts, pauseMs };
      const nonsense = error instanceof ProviderNonsense ? error.message : null;
      if (nonsense !== null) logger.error(facts, 'the provider makes no sense: it is not believed, and asked again');
      else logger.warn(facts, 'answer not known or not recorded: the provider is asked again');
      await postpone(due, pauseMs, nonsense).catch((postponeError: unknown) =>
        logger.warn({ err: postponeError, orderId }, 'the provider is asked again when the lease ends'),
      );
      setTimeout(worker.nudge, pauseMs).unref();
    }
  }

  async function postpone(due: DueCall, pauseMs: number, nonsense: string | null): Promise<void> {
    const { orderId, payment } = due;
    await inTransaction(pool, async (tx) => {
      await postponeCall(tx, due, pauseMs);
      if (nonsense !== null) await recordNonsense(tx, { orderId, status: payment.status, text: nonsense });
    });
  }

  function callOf({ orderId, payment }: DueCall): Promise<ProviderReply> {
    switch (payment.status) {
      case 'capturing':
        return provider.capture(orderId, payment.terms);
      case 'voiding':
        return provider.void(orderId, payment.terms);
      case 'refunding':
        return provider.refund(orderId, payment.terms, payment.captureId);
      default:
        return payment satisfies never;
    }
  }
}

/** An alarm while a payment waits for a provider that makes no sense: asking again may not help, so somebody has to look. */
export function providerAlarm(pool: Pool): ReadinessCheck {
  return {
    name: 'provider',
    check: async () => {
      const open = await findOpenNonsense(pool);
      if (open === null) return null;
      const { payments, firstAt, orderId } = open;
      return `the provider's answers make no sense (see nonsense_answers): payments waiting ${payments}, since ${firstAt.toISOString()}, first of order ${orderId}`;
    },
  };
}
