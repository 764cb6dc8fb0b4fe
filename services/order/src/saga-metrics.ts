import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { CancelReason } from '@sagamart/contracts/events';
import { uuidv7TimeMs } from '@sagamart/contracts/ids';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { createDurations } from '@sagamart/telemetry/metrics';
import { metricNames } from '@sagamart/telemetry/names';

// 75 s is the deadline and its grace: nothing takes longer while the order service runs.
const bucketsSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 75];
const durations = createDurations(metricNames.sagaDuration, bucketsSeconds);
// From 0 on: to Prometheus, what first appears as 1 has not risen.
for (const outcome of ['confirmed', ...CancelReason.enum]) durations.zero({ outcome });

/** Measures the outcomes among these events, once they are committed. The time of placing is in the order's id. */
export function measureOutcomes(tx: Transaction, events: readonly ShopEvent[]): void {
  const outcomes = events.flatMap((event) => {
    const outcome = outcomeOf(event);
    if (outcome === null) return [];
    return [
      {
        outcome,
        // A clock that was set back between the two must not take from the sum: to Prometheus that is a restart.
        seconds: Math.max(0, Date.parse(event.time) - uuidv7TimeMs(event.subject)) / 1_000,
        traceparent: event.traceparent,
      },
    ];
  });
  if (outcomes.length === 0) return;
  tx.afterCommit(() => {
    for (const { outcome, seconds, traceparent } of outcomes) durations.observe({ outcome }, seconds, traceparent);
  });
}

/** A confirmed order that is cancelled later was decided before. */
function outcomeOf(event: ShopEvent): string | null {
  if (event.type === 'order.confirmed') return 'confirmed';
  return event.type === 'order.cancelled' && event.data.confirmedAt === null ? event.data.reason : null;
}
