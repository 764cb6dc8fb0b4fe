import type { Arbitrary } from 'fast-check';
import * as fc from 'fast-check';
import { counterMax, headerBytesMax, numberBounds, textLengthMax } from '../packages/contracts/src/bounds.ts';
import type { Envelope, ShopEvent } from '../packages/contracts/src/cloud-event.ts';
import { eventTypes, partitionKeyOf, type EventBody, type EventType } from '../packages/contracts/src/events.ts';
import { jsonSchemaOf, type JsonSchema } from '../packages/contracts/src/growth.ts';
import { newId, type EventId } from '../packages/contracts/src/ids.ts';

/** Values that fields of a name take whatever their schema says: so that events are about the same orders and products. */
export type Fixed = Readonly<Record<string, readonly unknown[]>>;

/** Events of these types that are read, each value as extreme as it is admitted: the longest, the highest, the most. */
export function extremeEvents(types: readonly EventType[], fixed: Fixed): Arbitrary<ShopEvent> {
  return fc
    .constantFrom(...types)
    .chain((type) => fc.tuple(extremeData(type, fixed), envelope).map(([data, rest]) => eventOf(type, data, rest)));
}

function eventOf(type: EventType, data: unknown, rest: Omit<Envelope, 'id' | 'subject'>): ShopEvent {
  const body = { type, data } as EventBody;
  return { ...rest, ...body, id: newId<EventId>(), subject: partitionKeyOf(body) };
}

function extremeData(type: EventType, fixed: Fixed): Arbitrary<unknown> {
  const data = valueOf(jsonSchemaOf(eventTypes[type].data), '', fixed);
  // What this build does not know comes along with what it knows.
  return fc.tuple(data, fc.option(longText(textLengthMax.other), { nil: undefined })).map(([known, ofTheFuture]) => ({
    ...(known as object),
    ...(ofTheFuture === undefined ? {} : { ofTheFuture: [{ ofTheFuture }] }),
  }));
}

const counter = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 0, max: 9_999 }).map((n) => counterMax - n),
);
const envelope = fc.record({
  source: shortText(headerBytesMax),
  time: moment(),
  causationId: fc.option(fc.constant(null).map(() => newId<EventId>())),
  correlationId: shortText(headerBytesMax),
  aggregateVersion: counter,
  lamport: counter,
  traceparent: fc.constantFrom(null, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
});

function valueOf(schema: JsonSchema, field: string, fixed: Fixed): Arbitrary<unknown> {
  const given = fixed[field];
  if (given !== undefined) return fc.constantFrom(...given);
  const choices = schema['anyOf'] as JsonSchema[] | undefined;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valueOf(choice, field, fixed)));
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = numberBounds[field] ?? {};
  const { minimum = min, maximum = max, minItems = 0, maxItems = 50 } = schema as Record<string, number>;
  switch (schema['type']) {
    case 'null':
      return fc.constant(null);
    case 'integer':
      return fc.constantFrom(Math.max(min, minimum), Math.min(max, maximum));
    case 'string':
      return textOf(schema, field);
    case 'array': {
      const items = valueOf(schema['items'] as JsonSchema, field, fixed);
      return fc.oneof(...[Math.max(minItems, 1), maxItems].map((n) => fc.array(items, { minLength: n, maxLength: n })));
    }
    case 'object': {
      const properties = Object.entries(schema['properties'] as Record<string, JsonSchema>);
      return fc.record(Object.fromEntries(properties.map(([name, inner]) => [name, valueOf(inner, name, fixed)])));
    }
    default:
      throw new TypeError(`no extreme is known of ${JSON.stringify(schema)}`);
  }
}

function textOf(schema: JsonSchema, field: string): Arbitrary<string> {
  const { pattern = '' } = schema as { pattern?: string };
  if (pattern.includes('-7[')) return fc.constant(null).map(() => newId());
  if (pattern.includes('Z$')) return moment();
  const { minLength = 0, maxLength = lengthMaxOf(field) } = schema as Record<string, number>;
  return fc.oneof(longText(maxLength), fc.constant('x'.repeat(minLength)));
}

function lengthMaxOf(field: string): number {
  return Object.hasOwn(textLengthMax, field) ? textLengthMax[field as keyof typeof textLengthMax] : textLengthMax.other;
}

function moment(): Arbitrary<string> {
  return fc.constantFrom('1970-01-01T00:00:00.000Z', new Date().toISOString(), '9999-12-31T23:59:59.999Z');
}

/** Plain, quoted and escaped in JSON, wide in UTF-8, or a pair of UTF-16 units a character. */
function longText(lengthMax: number): Arbitrary<string> {
  return fc
    .constantFrom('x', '"', '\u0001', '\u20AC', '\uD83D\uDCB8')
    .map((character) => character.repeat(lengthMax / character.length));
}

function shortText(bytesMax: number): Arbitrary<string> {
  return fc
    .constantFrom('x', '"', '\u0001', '\u20AC', '\uD83D\uDCB8')
    .map((character) => character.repeat(Math.floor(bytesMax / Buffer.byteLength(character))));
}
