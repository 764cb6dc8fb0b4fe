import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { Sku } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Repository } from '@sagamart/service-kit/aggregate';
import type { Reader } from '@sagamart/service-kit/database';
import type { Product } from './order.ts';
import { productCopyAggregate, type ProductCopyRow } from './product-copy.ts';

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

/** Copies of products, created where missing. */
export const productCopies: Repository<Sku, ProductCopyRow, ShopEvent<'product.changed'>> = {
  aggregate: productCopyAggregate,
  keyOf: ({ data }) => data.sku,
  lock: async (tx, events) => {
    const skus = [...new Set(events.map(({ data }) => data.sku))];
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
    return new Map<Sku, ProductCopyRow>(
      rows.map(({ sku, version, lamport }) => [sku, { sku, copiedVersion: version, news: null, lamport, version: 0 }]),
    );
  },
  write: async (tx, { rows }) => {
    await tx.query({ name: 'update-products', text: updateSql, values: [JSON.stringify(rows.map(toRow))] });
  },
};

function toRow({ sku, news, lamport }: ProductCopyRow) {
  const { version = null, name = null, priceMinor: price_minor = null, currency = null } = news ?? {};
  return { sku, version, name, price_minor, currency, lamport };
}

// Where there is no news, Lamport time alone.
const updateSql = `
  update products set
    version = coalesce(changed.version, products.version), name = coalesce(changed.name, products.name),
    price_minor = coalesce(changed.price_minor, products.price_minor), currency = coalesce(changed.currency, products.currency),
    lamport = changed.lamport
  from json_to_recordset($1) as changed (sku text, version integer, name text, price_minor bigint, currency text, lamport bigint)
  where products.sku = changed.sku`;
