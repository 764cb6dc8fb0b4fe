import { dataSchemaOf, type Envelope, type ShopEvent } from '@sagamart/contracts/cloud-event';
import { eventTypes, partitionKeyOf, type EventBody, type EventData } from '@sagamart/contracts/events';
import { newId, type CustomerId, type EventId, type OrderId, type Sku } from '@sagamart/contracts/ids';

/** Two mugs for 29.80 EUR. Override what the test is about. */
export function placedData(changes: Partial<EventData<'order.placed'>> = {}): EventData<'order.placed'> {
  const lines = [{ sku: skuOf('MUG'), name: 'Mug', quantity: 2, unitPriceMinor: 1490 }];
  return {
    orderId: newId<OrderId>(),
    customerId: newId<CustomerId>(),
    lines,
    totalMinor: 2980,
    currency: 'EUR',
    paymentMethod: 'tok_visa',
    deadline: '2026-01-01T00:01:00.000Z',
    ...changes,
  };
}

/** A sku the test made up. Throws when it is none. */
export function skuOf(text: string): Sku {
  if (!isSku(text)) throw new TypeError(`${text} is no sku`);
  return text;
}

/** An event as its service would say it; only what matters to the test need be given. */
export function eventOf<Body extends EventBody>(body: Body, envelope: Partial<Envelope> = {}): Envelope & Body {
  const subject = partitionKeyOf(body);
  return {
    id: newId<EventId>(),
    source: '/test',
    time: '2026-01-01T00:00:00.000Z',
    subject,
    causationId: null,
    correlationId: subject,
    aggregateVersion: 1,
    lamport: 1,
    traceparent: null,
    ...envelope,
    ...body,
  };
}

/** The Kafka record of an event, at a place in its topic that no other record of this process has. */
export function recordOf(event: ShopEvent) {
  const { topic } = eventTypes[event.type];
  const value = JSON.stringify(event.data);
  return {
    topic,
    partition: 0,
    offset: String(nextOffset++),
    key: event.subject,
    value,
    bytes: Buffer.from(value),
    headers: {
      ce_id: event.id,
      ce_type: event.type,
      ce_source: event.source,
      ce_time: event.time,
      ce_subject: event.subject,
      ce_specversion: '1.0',
      ce_dataschema: dataSchemaOf(event.type),
      ce_causationid: event.causationId ?? undefined,
      ce_correlationid: event.correlationId,
      ce_aggregateversion: String(event.aggregateVersion),
      ce_lamport: String(event.lamport),
      traceparent: event.traceparent ?? undefined,
      'content-type': 'application/json',
    } as Record<string, string | undefined>,
  };
}

let nextOffset = 0;

function isSku(text: string): text is Sku {
  return /^[A-Z0-9][A-Z0-9-]{1,39}$/.test(text);
}
