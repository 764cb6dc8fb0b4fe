/** One event of an order as the timeline keeps it. `arrivedAt` is when this service said or heard it. */
export type TimelineEntry = {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly time: string;
  readonly lamport: number;
  readonly version: number;
  readonly causationId: string | null;
  readonly traceId: string | null;
  readonly data: unknown;
  readonly arrivedAt: Date;
};

export type CausalEntry = TimelineEntry & { readonly causeMissing: boolean };

/** How long an event waits for its cause before it is shown without. */
export const causeWaitMs = 30_000;

/**
 * The events in causal order: by Lamport time, then source, then version; wall clocks never decide. An event enters when its cause is
 * in, or after `causeWaitMs` marked `causeMissing`. One pass is enough: a cause has a lower Lamport time than its effect.
 */
export function causalOrder(entries: readonly TimelineEntry[], now: Date): CausalEntry[] {
  const entered = new Set<string>();
  const timeline: CausalEntry[] = [];
  for (const entry of entries.toSorted(byLamportTime)) {
    const causeMissing = entry.causationId !== null && !entered.has(entry.causationId);
    if (causeMissing && now.getTime() - entry.arrivedAt.getTime() < causeWaitMs) continue;
    entered.add(entry.id);
    timeline.push({ ...entry, causeMissing });
  }
  return timeline;
}

function byLamportTime(a: TimelineEntry, b: TimelineEntry): number {
  if (a.lamport !== b.lamport) return a.lamport - b.lamport;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return a.version - b.version;
}
