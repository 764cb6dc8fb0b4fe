import type { EventData } from '@sagamart/contracts/events';
import type { Sku } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Reader, Tx } from '@sagamart/service-kit/database';
import type { Product } from './order.ts';

export type ProductCopy = Product & { readonly version: number };

/** The known products among the skus. */
export async function findProducts(reader: Reader, skus: readonly Sku[]): Promise<Map<Sku, ProductCopy>> {
  const { rows } = await reader.query<{
    sku: Sku;
    version: number;
    name: string;
    price_minor: number;
    currency: Currency;
  }>({
    name: 'find-products',
    text: 'select sku, version, name, price_minor, currency from products where sku = any($1) and version > 0',
    values: [skus],
  });
  return new Map(
    rows.map(({ sku, version, name, price_minor, currency }) => [
      sku,
      { sku, version, name, priceMinor: price_minor, currency },
    ]),
  );
}

/** Locks the copies, created where missing, sorted by sku. Returns version and Lamport time of each. */
export async function lockProducts(
  tx: Tx,
  skus: readonly Sku[],
): Promise<Map<Sku, { version: number; lamport: number }>> {
  await tx.query({
    name: 'create-products',
    text: 'insert into products (sku) select sku from unnest($1::text[]) as sku order by sku on conflict (sku) do nothing',
    values: [skus],
  });
  const { rows } = await tx.query<{ sku: Sku; version: number; lamport: number }>({
    name: 'lock-products',
    text: 'select sku, version, lamport from products where sku = any($1) order by sku for update',
    values: [skus],
  });
  return new Map(rows.map(({ sku, version, lamport }) => [sku, { version, lamport }]));
}

export type ProductUpdate = { readonly data: EventData<'product.changed'> | null; readonly lamport: number };

/** Writes the newest data of each product, or its Lamport time alone where `data` is null. */
export async function updateProducts(tx: Tx, updates: ReadonlyMap<Sku, ProductUpdate>): Promise<void> {
  const rows = [...updates].map(([sku, { data, lamport }]) => ({
    sku,
    version: data?.version ?? null,
    name: data?.name ?? null,
    price_minor: data?.priceMinor ?? null,
    currency: data?.currency ?? null,
    lamport,
  }));
  await tx.query({
    name: 'update-products',
    text: `
      update products set
        version = coalesce(changed.version, products.version), name = coalesce(changed.name, products.name),
        price_minor = coalesce(changed.price_minor, products.price_minor), currency = coalesce(changed.currency, products.currency),
        lamport = changed.lamport
      from json_to_recordset($1) as changed (sku text, version integer, name text, price_minor bigint, currency text, lamport bigint)
      where products.sku = changed.sku`,
    values: [JSON.stringify(rows)],
  });
}
