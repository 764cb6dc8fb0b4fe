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
 * in, or after `causeWaitMs` marked `causeMissing`. A cause has a lower Lamport time than its effect, or the same where time stands still at its end.
 */
export function causalOrder(entries: readonly TimelineEntry[], now: Date): CausalEntry[] {
  const entered = new Set<string>();
  const timeline: CausalEntry[] = [];
  const waiting: { entry: TimelineEntry; isOver: boolean }[] = [];
  const enter = (entry: TimelineEntry, causeMissing: boolean): void => {
    if (entered.has(entry.id)) return;
    entered.add(entry.id);
    timeline.push({ ...entry, causeMissing });
    for (const { entry: effect } of waiting.filter((each) => each.entry.causationId === entry.id)) enter(effect, false);
  };
  const sorted = entries.toSorted(byLamportTime);
  const lamports = new Map(sorted.map(({ id, lamport }) => [id, lamport]));
  for (const entry of sorted) {
    const { causationId } = entry;
    const causeMissing = causationId !== null && !entered.has(causationId);
    const isOver = now.getTime() - entry.arrivedAt.getTime() >= causeWaitMs;
    if (causeMissing && lamports.get(causationId) === entry.lamport) waiting.push({ entry, isOver });
    else if (!causeMissing || isOver) enter(entry, causeMissing);
  }
  for (const { entry, isOver } of waiting) if (isOver) enter(entry, true);
  return timeline;
}

function byLamportTime(a: TimelineEntry, b: TimelineEntry): number {
  if (a.lamport !== b.lamport) return a.lamport - b.lamport;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return a.version - b.version;
}
