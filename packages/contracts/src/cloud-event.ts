import { Compile } from 'typebox/compile';
import { eventTypes, isEventType, partitionKeyOf, type EventBody, type EventType } from './events.ts';
import { isUuidv7, type EventId } from './ids.ts';

/** A Kafka record as any client library hands it over. Header values are UTF-8 text; an absent or null header is undefined. */
export type KafkaRecord = {
  topic: string;
  key: string | null;
  value: string | null;
  headers: Readonly<Record<string, string | undefined>>;
};

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
      detail: `ce_id must be a lower-case UUIDv7, got "${id}"`,
      id: null,
    };
  const refused = (reason: ParkReason, detail: string): ParsedRecord => ({ kind: 'refused', reason, detail, id });
  if (headers['ce_specversion'] !== '1.0') return refused('invalid_headers', `ce_specversion must be 1.0`);
  if (headers['content-type'] !== 'application/json')
    return refused('invalid_headers', 'content-type must be application/json');
  const missing = requiredHeaders.filter((name) => !headers[name]);
  if (missing.length > 0) return refused('invalid_headers', `missing ${missing.join(', ')}`);
  const causationId = headers['ce_causationid'] ?? null;
  if (causationId !== null && !isUuidv7<EventId>(causationId))
    return refused('invalid_headers', 'ce_causationid must be a UUIDv7');
  const aggregateVersion = positiveInteger(headers['ce_aggregateversion']);
  const lamport = positiveInteger(headers['ce_lamport']);
  if (aggregateVersion === null || lamport === null) {
    return refused('invalid_headers', 'ce_aggregateversion and ce_lamport must be positive integers');
  }
  const type = headers['ce_type'] ?? '';
  const envelope: Envelope = {
    id,
    source: headers['ce_source'] ?? '',
    time: headers['ce_time'] ?? '',
    subject: headers['ce_subject'] ?? '',
    causationId,
    correlationId: headers['ce_correlationid'] ?? '',
    aggregateVersion,
    lamport,
    traceparent: headers['traceparent'] ?? null,
  };
  if (record.key !== envelope.subject) return refused('invalid_headers', 'the Kafka key and ce_subject must be equal');

  let data: unknown;
  try {
    data = JSON.parse(record.value ?? '');
  } catch (error) {
    return refused('invalid_data', `the value is not JSON: ${String(error)}`);
  }
  if (!isEventType(type)) return { kind: 'unknown', event: { ...envelope, type, data } };
  const schema = headers['ce_dataschema'] ?? '';
  if (schema !== dataSchemaOf(type)) {
    return refused('unknown_major_version', `ce_dataschema must be ${dataSchemaOf(type)}, got ${schema}`);
  }
  const validator = validators[type];
  if (!validator.Check(data)) {
    const [first] = validator.Errors(data);
    return refused(
      'invalid_data',
      `${type}: ${first?.instancePath ?? ''} ${first?.message ?? 'does not match its schema'}`,
    );
  }
  const event = { ...envelope, type, data } as ShopEvent;
  if (partitionKeyOf(event) !== envelope.subject)
    return refused('invalid_headers', 'ce_subject and the data must speak of the same');
  return { kind: 'known', event };
}

/** The URI in ce_dataschema; it ends in `/<type>/<major>`. */
export function dataSchemaOf(type: EventType): string {
  return `https://sagamart.example/schemas/${type}/${eventTypes[type].major}`;
}

const requiredHeaders = ['ce_type', 'ce_source', 'ce_time', 'ce_subject', 'ce_correlationid', 'ce_dataschema'] as const;

const validators = Object.fromEntries(
  Object.entries(eventTypes).map(([type, { data }]) => [type, Compile(data)]),
) as unknown as Record<
  EventType,
  { Check(value: unknown): boolean; Errors(value: unknown): { instancePath: string; message: string }[] }
>;

function positiveInteger(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}
