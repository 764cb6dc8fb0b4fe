import { Type, type Static } from 'typebox';

/** ISO 4217 code. One currency an order. */
export const Currency = Type.Enum(['EUR', 'GBP', 'USD'], { description: 'ISO 4217' });
export type Currency = Static<typeof Currency>;

/** The largest amount the shop deals in: a milliard in major units. */
export const minorMax = 100_000_000_000;

/** An amount in the currency's minor unit (cents). An integer: money is never a float. */
export const Minor = Type.Integer({ minimum: 0, maximum: minorMax });

/** The price of one unit of a product: at least one cent, at most a million. */
export const PriceMinor = Type.Integer({ minimum: 1, maximum: 100_000_000 });
