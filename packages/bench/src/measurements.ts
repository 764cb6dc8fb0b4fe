import type { Moment } from '@sagamart/auditor/notebook';
import type { SentOrder } from './load.ts';

export type Percentiles = { p50: number; p95: number; p99: number; max: number };

export type Measurements = {
  accepted: Percentiles;
  /** From the client's sending to the moment the order service wrote order.confirmed. */
  confirmed: Percentiles;
  confirmedCount: number;
  /** The way from sending to confirmed, leg by leg. */
  legs: readonly { what: string; where: string; spans: Percentiles }[];
  /** When the last order was confirmed. */
  lastConfirmedAtMs: number;
};

/** Works out where the time went, from what the client saw, the times in the outboxes and the times of the broker. */
export function measure(sent: readonly SentOrder[], events: Iterable<Moment>): Measurements {
  const written = new Map<string, number>();
  const appended = new Map<string, number>();
  for (const { type, key, writtenAtMs, timestampMs } of events) {
    written.set(`${type} ${key}`, writtenAtMs);
    if (timestampMs !== null) appended.set(`${type} ${key}`, timestampMs);
  }

  const spans: number[][] = legs.map(() => []);
  const confirmed: number[] = [];
  let lastConfirmedAtMs = 0;
  for (const { orderId, sentAtMs } of sent) {
    const moments = [
      sentAtMs,
      ...stations.flatMap((type) => [written.get(`${type} ${orderId}`), appended.get(`${type} ${orderId}`)]),
    ];
    const [confirmedAtMs] = moments.slice(-2);
    if (confirmedAtMs === undefined) continue;
    confirmed.push(confirmedAtMs - sentAtMs);
    lastConfirmedAtMs = Math.max(lastConfirmedAtMs, confirmedAtMs);
    for (const [index, span] of spans.entries()) {
      const [from, to] = [moments[index], moments[index + 1]];
      if (from !== undefined && to !== undefined) span.push(to - from);
    }
  }
  return {
    accepted: percentiles(sent.map(({ sentAtMs, acceptedAtMs }) => acceptedAtMs - sentAtMs)),
    confirmed: percentiles(confirmed),
    confirmedCount: confirmed.length,
    legs: legs.map((leg, index) => ({ ...leg, spans: percentiles(spans[index] ?? []) })),
    lastConfirmedAtMs,
  };
}

/** Exact: the values are sorted, not put into buckets. The nearest-rank method; NaN of no values. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

// Each event of the straight way is written to an outbox and then appended to its topic: the moments between the legs.
const stations = ['order.placed', 'stock.reserved', 'payment.captured', 'order.confirmed'] as const;

const publishing = 'commit, Debezium, broker';

const legs = [
  { what: 'sent → order.placed written', where: 'gateway, order, PostgreSQL' },
  { what: 'order.placed written → in Kafka', where: publishing },
  { what: 'in Kafka → stock.reserved written', where: 'consumer, inventory, PostgreSQL' },
  { what: 'stock.reserved written → in Kafka', where: publishing },
  { what: 'in Kafka → payment.captured written', where: 'consumer, payment, provider, PostgreSQL' },
  { what: 'payment.captured written → in Kafka', where: publishing },
  { what: 'in Kafka → order.confirmed written', where: 'consumer, order, PostgreSQL' },
];
