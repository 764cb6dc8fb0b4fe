import type { OrderId } from '@sagamart/contracts/ids';
import type { Topic } from '@sagamart/contracts/topics';
import { inTransaction } from '@sagamart/service-kit/transaction';
import type { GroupProgress, Offsets } from '@sagamart/service-kit/group-progress';
import type { Clock } from '@sagamart/service-kit/transition';
import { startWorker, type Worker } from '@sagamart/service-kit/worker';
import type { Logger } from '@sagamart/telemetry/logger';
import { spanName } from '@sagamart/telemetry/names';
import { inSpan } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { timeOutOrders } from './cancellation.ts';
import { findOverdue } from './order-store.ts';

/** The topics whose answers decide an order. */
const decisive: readonly Topic[] = ['inventory.events', 'payment.events'];

const sweepEveryMs = 500;
const overdueMax = 500;
const graceMs = 15_000;

/**
 * Cancels orders that are pending past their deadline, by the database's clock. An answer that was already in Kafka at the deadline is heard first: an
 * order is timed out once this group has committed past the ends of its partitions, read after the deadline, or after `graceMs`.
 */
export function startDeadlineSweeper(deps: {
  pool: Pool;
  clock: Clock;
  progress: GroupProgress;
  logger: Logger;
}): Worker {
  const { pool, clock, progress, logger } = deps;
  const endsAtDeadline = new Map<OrderId, Offsets>();

  return startWorker({
    name: 'deadlines',
    idleMs: sweepEveryMs,
    logger,
    work: async () => {
      const overdue = await findOverdue(pool, { graceMs, limit: overdueMax });
      forgetOthers(overdue.map(({ orderId }) => orderId));
      if (overdue.length === 0) return false;
      const read = await progress.read(decisive).catch((error: unknown) => {
        logger.warn({ err: error }, 'positions in Kafka unknown: overdue orders wait out their grace');
        return null;
      });
      const due = overdue.filter(({ orderId, graceOver }) => {
        if (graceOver || read === null) return graceOver;
        const ends = endsAtDeadline.get(orderId) ?? read.ends;
        endsAtDeadline.set(orderId, ends);
        return decisive.every((topic) => hasReached({ topic, orderId, committed: read.committed, ends }));
      });
      if (due.length === 0) return false;
      const orderIds = due.map(({ orderId }) => orderId);
      const timedOut = await inSpan(spanName.sweepDeadlines, { parent: null }, () =>
        inTransaction(pool, (tx) => timeOutOrders(tx, orderIds, clock)),
      );
      if (timedOut > 0) logger.info({ timedOut }, 'orders past their deadline are cancelled');
      return timedOut === overdueMax;
    },
  });

  function forgetOthers(orderIds: readonly OrderId[]): void {
    const overdue = new Set(orderIds);
    for (const orderId of endsAtDeadline.keys()) if (!overdue.has(orderId)) endsAtDeadline.delete(orderId);
  }

  function hasReached({
    topic,
    orderId,
    committed,
    ends,
  }: {
    topic: Topic;
    orderId: OrderId;
    committed: Offsets;
    ends: Offsets;
  }): boolean {
    const partition = progress.partitionOf(topic, orderId, ends);
    const end = ends.get(topic)?.get(partition) ?? 0n;
    return end === 0n || (committed.get(topic)?.get(partition) ?? 0n) >= end;
  }
}
