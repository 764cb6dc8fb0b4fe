import { inTransaction } from '@sagamart/service-kit/transaction';
import type { ReadinessCheck } from '@sagamart/service-kit/http-app';
import type { Clock } from '@sagamart/service-kit/transition';
import { startWorker, type Worker } from '@sagamart/service-kit/worker';
import type { Logger } from '@sagamart/telemetry/logger';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inSpan, markFailed, traceparentOf } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { pauseAfterMs, type ProviderReply } from './payment.ts';
import { findEscalations } from './escalation-store.ts';
import { recordNonsense } from './nonsense-store.ts';
import { claimDueCalls, postponeCall, type DueCall } from './payment-store.ts';
import { callTimeoutMs, ProviderNonsense, type Provider } from './provider.ts';
import { createReplyRecorder, type Answered } from './provider-replies.ts';

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
      const owesMore = await replies.load({ due, ...(await answerTo(due)) });
      if (owesMore) worker.nudge();
    } catch (error) {
      markFailed(error instanceof ProviderNonsense ? 'nonsense' : 'unknown');
      const pauseMs = pauseAfterMs(attempts);
      const facts = { err: error, orderId, status: payment.status, attempts, pauseMs };
      const isNonsense = error instanceof ProviderNonsense;
      if (isNonsense) logger.error(facts, 'the provider makes no sense: it is not believed, and asked again');
      else logger.warn(facts, 'answer not known or not recorded: the provider is asked again');
      await postpone(due, { pauseMs, answer: wordsOf(error), isNonsense }).catch((postponeError: unknown) =>
        logger.warn({ err: postponeError, orderId }, 'the provider is asked again when the lease ends'),
      );
      setTimeout(worker.nudge, pauseMs).unref();
    }
  }

  async function postpone(
    due: DueCall,
    { pauseMs, answer, isNonsense }: { pauseMs: number; answer: string; isNonsense: boolean },
  ): Promise<void> {
    const { orderId, payment } = due;
    await inTransaction(pool, async (tx) => {
      await postponeCall(tx, due, { pauseMs, answer });
      if (isNonsense) await recordNonsense(tx, { orderId, status: payment.status, text: answer });
    });
  }

  /** A refund that is refused, or answered without sense, may have been made before: by a person, or under a key that is not ours. */
  async function answerTo(due: DueCall): Promise<Omit<Answered, 'due'>> {
    try {
      return { reply: await callOf(due), foundAfter: null };
    } catch (error) {
      const { orderId, payment } = due;
      if (!(error instanceof ProviderNonsense) || payment.status !== 'refunding') throw error;
      try {
        const reply = await provider.findRefund(orderId, payment.terms, payment.captureId);
        logger.warn({ err: error, orderId, reply }, 'a refund that is refused was made before: it is taken over');
        return { reply, foundAfter: error.message };
      } catch (lookError) {
        throw new ProviderNonsense(`${error.message}; looked up: ${wordsOf(lookError)}`, { cause: error });
      }
    }
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

/** What went wrong, with what was behind it: `fetch failed` alone says nothing. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && !(error instanceof ProviderNonsense)
    ? `${error.message}: ${error.cause.message}`
    : error.message;
}

/** An alarm while the provider's answers do not end what it owes, or none has come for a minute: asking again may not help, so somebody has to look. */
export function providerAlarm(pool: Pool): ReadinessCheck {
  return {
    name: 'provider',
    check: async () => {
      const open = await findEscalations(pool);
      if (open === null) return null;
      const { payments, since, orderId } = open;
      return `the provider's answers do not end what it owes (npm run payments): payments waiting ${payments}, since ${since.toISOString()}, first of order ${orderId}`;
    },
  };
}
