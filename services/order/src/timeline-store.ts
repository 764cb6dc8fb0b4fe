import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { OrderId } from '@sagamart/contracts/ids';
import type { Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { traceIdOf } from '@sagamart/telemetry/trace-context';
import type { TimelineEntry } from './timeline.ts';

/** Writes events of orders: the subject of each is its order. */
export async function appendToTimeline(tx: Transaction, events: readonly ShopEvent[]): Promise<void> {
  const rows = events.map((event) => ({
    order_id: event.subject,
    event_id: event.id,
    type: event.type,
    source: event.source,
    time: event.time,
    lamport: event.lamport,
    version: event.aggregateVersion,
    causation_id: event.causationId,
    traceparent: event.traceparent,
    data: event.data,
  }));
  await tx.query({
    name: 'append-to-timeline',
    text: `
      insert into order_timeline (order_id, event_id, type, source, time, lamport, version, causation_id, traceparent, data)
      select order_id, event_id, type, source, time, lamport, version, causation_id, traceparent, data
      from json_to_recordset($1) as entry (order_id uuid, event_id uuid, type text, source text, time text, lamport bigint, version bigint,
        causation_id uuid, traceparent text, data json)`,
    values: [JSON.stringify(rows)],
  });
}

export async function readTimeline(reader: Reader, orderId: OrderId): Promise<TimelineEntry[]> {
  const { rows } = await reader.query<TimelineRow>({
    name: 'read-timeline',
    text: `select event_id, type, source, time, lamport, version, causation_id, traceparent, data, arrived_at
           from order_timeline where order_id = $1`,
    values: [orderId],
  });
  return rows.map((row) => ({
    id: row.event_id,
    type: row.type,
    source: row.source,
    time: row.time,
    lamport: row.lamport,
    version: row.version,
    causationId: row.causation_id,
    traceId: row.traceparent === null ? null : traceIdOf(row.traceparent),
    data: row.data,
    arrivedAt: row.arrived_at,
  }));
}

type TimelineRow = {
  event_id: string;
  type: string;
  source: string;
  time: string;
  lamport: number;
  version: number;
  causation_id: string | null;
  traceparent: string | null;
  data: unknown;
  arrived_at: Date;
};
