import { Type } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { counterMax, cutText, dataBreach, dataBytesMax, headerBreach, isMoment } from './bounds.ts';
import { eventTypes, isEventType, partitionKeyOf, Time, type EventBody, type EventType } from './events.ts';
import { EventId, isUuidv7 } from './ids.ts';

/** A Kafka record as any client library hands it over. Header values are UTF-8 text; an absent or null header is undefined. */
export type KafkaRecord = {
  topic: string;
  key: string | null;
  value: string | null;
  headers: Readonly<Record<string, string | undefined>>;
};

const Counter = Type.String({ pattern: '^[1-9]\\d{0,14}$' });

/** The Kafka headers of an event: CloudEvents 1.0 in binary mode, with the extensions of this shop. All are text. */
export const EventHeaders = Type.Object({
  ce_specversion: Type.Literal('1.0'),
  ce_id: EventId,
  ce_type: Type.String({ minLength: 1 }),
  ce_source: Type.String({ minLength: 1, description: 'A slash and the name of the service' }),
  ce_time: Time,
  ce_subject: Type.String({ minLength: 1, description: 'The Kafka key: an order id, or the sku of a product' }),
  ce_dataschema: Type.String({ minLength: 1, description: 'A URI that ends in /<type>/<major>' }),
  ce_causationid: Type.Optional(EventId),
  ce_correlationid: Type.String({ minLength: 1 }),
  ce_aggregateversion: Counter,
  ce_lamport: Counter,
  traceparent: Type.Optional(Type.String({ description: 'W3C Trace Context' })),
  'content-type': Type.Literal('application/json'),
});

/** What every event carries besides its type and data (CloudEvents 1.0 with the extensions of this shop). */
export type Envelope = {
  readonly id: EventId;
  readonly source: string;
  readonly time: string;
  readonly subject: string;
  /** The event that caused this one; null for order.placed and product.changed. */
  readonly causationId: EventId | null;
  readonly correlationId: string;
  /** This is the n-th event its source said of its subject. */
  readonly aggregateVersion: number;
  readonly lamport: number;
  readonly traceparent: string | null;
};

export type ShopEvent<T extends EventType = EventType> = Envelope & EventBody<T>;

/** An event of a type this build does not know: recorded, never acted on. */
export type UnknownEvent = Envelope & { readonly type: string; readonly data: unknown };

export type ParkReason = 'invalid_headers' | 'invalid_id' | 'invalid_data' | 'unknown_major_version';

export type ParsedRecord =
  | { readonly kind: 'known'; readonly event: ShopEvent }
  | { readonly kind: 'unknown'; readonly event: UnknownEvent }
  | {
      readonly kind: 'refused';
      readonly reason: ParkReason;
      readonly detail: string;
      /** Null when it is no UUIDv7. */ readonly id: EventId | null;
    };

/**
 * Reads a Kafka record by the CloudEvents Kafka protocol binding 1.0, binary content mode.
 * Never throws: what cannot be read comes back as `refused`, with the reason to park it under.
 */
export function parseRecord(record: KafkaRecord): ParsedRecord {
  const { headers } = record;
  const id = headers['ce_id'] ?? '';
  if (!isUuidv7<EventId>(id))
    return {
      kind: 'refused',
      reason: 'invalid_id',
      detail: `ce_id must be a lower-case UUIDv7, got "${cutText(id, idShownMax)}"`,
      id: null,
    };
  const refused = (reason: ParkReason, detail: string): ParsedRecord => ({ kind: 'refused', reason, detail, id });
  for (const name of namesRead) {
    const breach = headerBreach(headers[name] ?? '');
    if (breach !== undefined) return refused('invalid_headers', `${name} ${breach}`);
  }
  if (!validHeaders.Check(headers)) return refused('invalid_headers', firstError(validHeaders, headers));
  if (!isMoment(headers.ce_time)) return refused('invalid_headers', 'ce_time is not a moment');
  const type = headers.ce_type;
  const envelope: Envelope = {
    id,
    source: headers.ce_source,
    time: headers.ce_time,
    subject: headers.ce_subject,
    causationId: headers.ce_causationid ?? null,
    correlationId: headers.ce_correlationid,
    aggregateVersion: Number(headers.ce_aggregateversion),
    lamport: Number(headers.ce_lamport),
    // By W3C Trace Context, what is no traceparent is ignored.
    traceparent: headers.traceparent?.length === traceparentLength ? headers.traceparent : null,
  };
  if (Math.max(envelope.lamport, envelope.aggregateVersion) > counterMax)
    return refused('invalid_headers', `ce_lamport and ce_aggregateversion are believed up to ${counterMax}`);
  if (record.key !== envelope.subject) return refused('invalid_headers', 'the Kafka key and ce_subject must be equal');

  if (Buffer.byteLength(record.value ?? '') > dataBytesMax)
    return refused('invalid_data', `the value is longer than ${dataBytesMax} bytes`);
  let data: unknown;
  try {
    data = JSON.parse(record.value ?? '');
  } catch (error) {
    return refused('invalid_data', `the value is not JSON: ${String(error)}`);
  }
  const breach = dataBreach(data);
  if (breach !== undefined) return refused('invalid_data', breach);
  if (!isEventType(type)) return { kind: 'unknown', event: { ...envelope, type, data } };
  const schema = headers.ce_dataschema;
  if (schema !== dataSchemaOf(type)) {
    return refused('unknown_major_version', `ce_dataschema must be ${dataSchemaOf(type)}, got ${schema}`);
  }
  const validator = validators[type];
  if (!validator.Check(data)) return refused('invalid_data', `${type}: ${firstError(validator, data)}`);
  const event = { ...envelope, type, data } as ShopEvent;
  if (partitionKeyOf(event) !== envelope.subject)
    return refused('invalid_headers', 'ce_subject and the data must speak of the same');
  return { kind: 'known', event };
}

/** The URI in ce_dataschema; it ends in `/<type>/<major>`. */
export function dataSchemaOf(type: EventType): string {
  return `https://sagamart.example/schemas/${type}/${eventTypes[type].major}`;
}

/** The Kafka record of an event, without its place in the topic. */
export function toRecord(event: ShopEvent): KafkaRecord {
  return {
    topic: eventTypes[event.type].topic,
    key: event.subject,
    value: JSON.stringify(event.data),
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
    },
  };
}

const idShownMax = 100;
/** Of version 00, the only one that is written. */
const traceparentLength = 55;
const namesRead = Object.keys(EventHeaders.properties).filter((name) => name !== 'traceparent');

type DataValidator = Pick<Validator, 'Check' | 'Errors'>;

const validHeaders = Compile(EventHeaders);
const validators = Object.fromEntries(
  Object.entries(eventTypes).map(([type, { data }]) => [type, Compile(data)]),
) as unknown as Record<EventType, DataValidator>;

function firstError(validator: Pick<Validator, 'Errors'>, value: unknown): string {
  const [first] = validator.Errors(value);
  return `${first?.instancePath ?? ''} ${first?.message ?? 'does not match its schema'}`;
}
