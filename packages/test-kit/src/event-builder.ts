import { toRecord, type Envelope, type ShopEvent } from '@sagamart/contracts/cloud-event';
import { partitionKeyOf, type EventBody, type EventData } from '@sagamart/contracts/events';
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
  const record = toRecord(event);
  return {
    ...record,
    headers: { ...record.headers },
    partition: 0,
    offset: String(nextOffset++),
    bytes: Buffer.from(record.value ?? ''),
  };
}

let nextOffset = 0;

function isSku(text: string): text is Sku {
  return /^[A-Z0-9][A-Z0-9-]{1,39}$/.test(text);
}
