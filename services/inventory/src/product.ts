import type { EventBody, EventData } from '@sagamart/contracts/events';
import type { Sku } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';

export type Product = {
  readonly sku: Sku;
  readonly name: string;
  readonly description: string;
  readonly priceMinor: number;
  readonly currency: Currency;
};

export type VersionedProduct = Product & { readonly version: number };

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

function isSame(a: Product, b: Product): boolean {
  return (
    a.name === b.name && a.description === b.description && a.priceMinor === b.priceMinor && a.currency === b.currency
  );
}
