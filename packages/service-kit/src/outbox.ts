import { dataSchemaOf, parseRecord, toRecord, type ShopEvent } from '@sagamart/contracts/cloud-event';
import { eventTypes } from '@sagamart/contracts/events';
import { topicOwners, type ServiceName } from '@sagamart/contracts/topics';
import { createCounter } from '@sagamart/telemetry/metrics';
import { metricNames } from '@sagamart/telemetry/names';
import { traceIdOf } from '@sagamart/telemetry/trace-context';
import type { Transaction } from './transaction.ts';

const eventsSaid = createCounter(metricNames.eventsSaid);

/** Writes a fact to the log. */
type Log = { info: (facts: object, message: string) => void };
let announce: ((event: ShopEvent) => void) | undefined;

/**
 * From now on whatever this process says is counted and written to the log, once it is committed: its type, its order and its trace, never its data.
 * Counted from 0 on: to Prometheus, what first appears as 1 has not risen.
 */
export function announceEvents(service: ServiceName, logger: Log): void {
  for (const [type, { topic }] of Object.entries(eventTypes))
    if (topicOwners[topic] === service) eventsSaid.inc({ type }, 0);
  announce = ({ type, subject, lamport, traceparent }) => {
    eventsSaid.inc({ type });
    const about = type === 'product.changed' ? { sku: subject } : { orderId: subject };
    logger.info({ ...about, lamport, ...(traceparent === null ? {} : { traceId: traceIdOf(traceparent) }) }, type);
  };
}

/** What was to be said could not be read by those who hear it: nothing of it is written. */
export class Unreadable extends Error {
  override name = 'Unreadable';
}

/**
 * Writes events to the outbox in the given order, in one statement. They are published by Debezium once the transaction commits,
 * and never if it does not. Rejects with Unreadable, as a consumer would refuse it, what no consumer could read; so does the table, in fewer words.
 */
export async function appendToOutbox(tx: Transaction, events: readonly ShopEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(readBack).map((event) => ({
    event_id: event.id,
    topic: eventTypes[event.type].topic,
    partition_key: event.subject,
    type: event.type,
    source: event.source,
    subject: event.subject,
    time: event.time,
    data_schema: dataSchemaOf(event.type),
    causation_id: event.causationId,
    correlation_id: event.correlationId,
    aggregate_version: event.aggregateVersion,
    lamport: event.lamport,
    traceparent: event.traceparent,
    data: event.data,
  }));
  await tx.query({ name: 'append-to-outbox', text: appendSql, values: [JSON.stringify(rows)] });
  tx.afterCommit(() => {
    for (const event of events) announce?.(event);
  });
}

/** As consumers will read it. */
function readBack(event: ShopEvent): ShopEvent {
  const read = parseRecord(toRecord(event));
  if (read.kind === 'known') return read.event;
  throw new Unreadable(`${event.type}: ${read.kind === 'refused' ? read.detail : 'unknown'}`);
}

const appendSql = `
  insert into outbox (event_id, topic, partition_key, type, source, subject, time, data_schema, causation_id,
    correlation_id, aggregate_version, lamport, traceparent, data)
  select event_id, topic, partition_key, type, source, subject, time, data_schema, causation_id,
    correlation_id, aggregate_version, lamport, traceparent, data
  from json_to_recordset($1) as event (event_id uuid, topic text, partition_key text, type text, source text, subject text,
    time text, data_schema text, causation_id text, correlation_id text, aggregate_version bigint, lamport bigint,
    traceparent text, data json)`;
