import type { EventBody, EventData } from '@sagamart/contracts/events';
import type { Sku } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Step } from '@sagamart/service-kit/aggregate';
import { neverMoved, transition, type Clock, type Counters } from '@sagamart/service-kit/transition';

export type Product = {
  readonly sku: Sku;
  readonly name: string;
  readonly description: string;
  readonly priceMinor: number;
  readonly currency: Currency;
};

export type VersionedProduct = Product & { readonly version: number };

/** A product as it is stored: its version counts what was emitted of it. */
export type ProductRow = Product & Counters;

/** The product afterwards and what to say: nothing when it is already as wanted, so that a repeated request changes nothing. */
export function changeProduct(
  before: VersionedProduct | null,
  wanted: Product,
): { product: VersionedProduct; says: readonly EventBody<'product.changed'>[] } {
  if (before !== null && isSame(before, wanted)) return { product: before, says: [] };
  const product = { ...wanted, version: (before?.version ?? 0) + 1 };
  const data: EventData<'product.changed'> = product;
  return { product, says: [{ type: 'product.changed', data }] };
}

/** The step of a product: there is one command, and no event moves it. */
export function putProduct(
  before: ProductRow | null,
  wanted: Product,
  { clock, traceparent }: { clock: Clock; traceparent: string | null },
): Step<ProductRow> {
  const { product, says } = changeProduct(before, wanted);
  const cause = { causationId: null, lamport: 0, correlationId: wanted.sku, traceparent };
  const { events, lamport, version } = transition('/inventory', before ?? neverMoved, cause, says, clock);
  return { row: { ...product, lamport, version }, events };
}

function isSame(a: Product, b: Product): boolean {
  return (
    a.name === b.name && a.description === b.description && a.priceMinor === b.priceMinor && a.currency === b.currency
  );
}
