import { Type, type Static } from 'typebox';

/** ISO 4217 code. One currency an order. */
export const Currency = Type.Enum(['EUR', 'GBP', 'USD'], { description: 'ISO 4217' });
export type Currency = Static<typeof Currency>;

/** An amount in the currency's minor unit (cents). An integer: money is never a float. */
export const Minor = Type.Integer({ minimum: 0, maximum: 100_000_000_000 });

/** The price of one unit of a product: at least one cent, at most a million. */
export const PriceMinor = Type.Integer({ minimum: 1, maximum: 100_000_000 });
