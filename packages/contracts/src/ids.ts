import { randomInt } from 'node:crypto';
import { Type } from 'typebox';
import { v7 as uuidv7, validate, version } from 'uuid';

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type OrderId = Id<'order'>;
export type CustomerId = Id<'customer'>;
export type EventId = Id<'event'>;

/** A product's stock keeping unit: 2 to 40 characters, capital letters, digits and dashes. */
export type Sku = Id<'sku'>;

/** A UUIDv7 in lower case: a regular expression that PostgreSQL reads as well. */
export const uuidv7Pattern = '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$';

export const OrderId = Type.Unsafe<OrderId>(Type.String({ pattern: uuidv7Pattern, description: 'UUIDv7' }));
export const CustomerId = Type.Unsafe<CustomerId>(Type.String({ pattern: uuidv7Pattern, description: 'UUIDv7' }));
export const EventId = Type.Unsafe<EventId>(Type.String({ pattern: uuidv7Pattern, description: 'UUIDv7' }));
export const Sku = Type.Unsafe<Sku>(Type.String({ pattern: '^[A-Z0-9][A-Z0-9-]{1,39}$' }));

/**
 * A new UUIDv7 (RFC 9562, lower case): sorts by creation time in milliseconds, so tables can be partitioned by it, and within a millisecond in the order of
 * making. Its time is the clock's: left to itself, the library remembers the latest time it saw, and goes on from there when the clock is set back.
 */
export function newId<T extends Id<string>>(): T {
  const msecs = Date.now();
  const seq = msecs === last.msecs ? last.seq + 1 : randomInt(sequenceStartMax);
  last = { msecs, seq };
  return uuidv7({ msecs, seq }) as T;
}

// Half of the 32 bits: the other half is room for what is made within the millisecond.
const sequenceStartMax = 2 ** 31;
let last = { msecs: -1, seq: 0 };

/** True for a lower-case UUIDv7, the only kind of id that a message or an order may carry. */
export function isUuidv7<T extends OrderId | CustomerId | EventId>(text: string): text is T {
  return validate(text) && version(text) === 7 && text === text.toLowerCase();
}

/** The Unix time in milliseconds in the first 48 bits of a UUIDv7 (RFC 9562, section 5.7). */
export function uuidv7TimeMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
