import { isEventType } from '@sagamart/contracts/events';
import { addSource, createCounter, createGauge } from '@sagamart/telemetry/metrics';
import { metricNames } from '@sagamart/telemetry/names';
import type { Outcome } from './batch.ts';
import type { RunningConsumer } from './consumer.ts';
import type { GroupProgress, Offsets } from './group-progress.ts';
import type { ConsumedRecord } from './parked.ts';

const messages = createCounter(metricNames.messages);

/** Counts a message by its type and what became of it. A type that is none of ours counts as `other`. */
export function countMessage(record: ConsumedRecord, result: Outcome): void {
  const type = record.headers['ce_type'] ?? '';
  messages.inc({ type: isEventType(type) ? type : 'other', result });
}

/** Shows in the metrics how far a consumer is behind on its topics, as Kafka tells it, and since when it has heard nothing. */
export function observeConsumer(options: {
  consumer: RunningConsumer;
  progress: GroupProgress;
  topics: readonly string[];
}): void {
  const { consumer, progress, topics } = options;
  const fetchAge = createGauge(metricNames.consumerFetchAge);
  addSource({
    name: 'consumer',
    gauges: [fetchAge],
    read: async () => [{ gauge: fetchAge, value: consumer.silentForMs() / 1_000 }],
  });
  const lag = createGauge(metricNames.consumerLag);
  addSource({
    name: 'kafka',
    gauges: [lag],
    read: async () => {
      const { ends, committed } = await progress.read(topics);
      return topics.map((topic) => ({ gauge: lag, labels: { topic }, value: behind(topic, ends, committed) }));
    },
  });
}

function behind(topic: string, ends: Offsets, committed: Offsets): number {
  let sum = 0n;
  for (const [partition, end] of ends.get(topic) ?? []) {
    // -1: nothing was committed yet. Older than what the topic still holds, it overstates by what is gone.
    const from = committed.get(topic)?.get(partition) ?? 0n;
    sum += end - (from < 0n ? 0n : from);
  }
  // Committed is read after the ends, so it may be past them.
  return Math.max(0, Number(sum));
}
