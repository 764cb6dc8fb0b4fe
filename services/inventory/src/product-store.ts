import type { Sku } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import type { Product, ProductRow } from './product.ts';

export type OfferedProduct = Product & { readonly available: number };

/** Serializes changes of one product, also of one that does not exist yet, and returns it as it is now. */
export async function lockProduct(tx: Transaction, sku: Sku): Promise<ProductRow | null> {
  await tx.query({
    name: 'lock-product',
    text: `select pg_advisory_xact_lock(hashtextextended('product ' || $1, 0))`,
    values: [sku],
  });
  const { rows } = await tx.query<ProductColumns & { lamport: number }>({
    name: 'find-product-for-change',
    text: 'select sku, name, description, price_minor, currency, version, lamport from products where sku = $1 for update',
    values: [sku],
  });
  const [row] = rows;
  if (row === undefined) return null;
  return {
    ...productOf(row),
    version: row.version,
    lamport: row.lamport,
  };
}

/** Inserts or overwrites products; a new one gets a stock of zero. */
export async function saveProducts(tx: Transaction, products: readonly ProductRow[]): Promise<void> {
  const rows = products.map(({ sku, name, description, priceMinor, currency, version, lamport }) => ({
    ...{ sku, name, description, currency, version, lamport },
    price_minor: priceMinor,
  }));
  await tx.query({
    name: 'save-products',
    text: `
      insert into products (sku, name, description, price_minor, currency, version, lamport)
      select sku, name, description, price_minor, currency, version, lamport
      from json_to_recordset($1) as product (sku text, name text, description text, price_minor bigint, currency text, version integer, lamport bigint)
      on conflict (sku) do update set name = excluded.name, description = excluded.description, price_minor = excluded.price_minor,
        currency = excluded.currency, version = excluded.version, lamport = excluded.lamport`,
    values: [JSON.stringify(rows)],
  });
  await tx.query({
    name: 'create-stock',
    text: 'insert into stock (sku) select unnest($1::text[]) on conflict (sku) do nothing',
    values: [products.map(({ sku }) => sku)],
  });
}

export async function findOffered(reader: Reader, sku: Sku): Promise<OfferedProduct | null> {
  const { rows } = await reader.query<OfferedRow>({
    name: 'find-offered',
    text: `select ${offeredColumns} from products join stock using (sku) where sku = $1`,
    values: [sku],
  });
  return rows[0] === undefined ? null : { ...productOf(rows[0]), available: rows[0].on_hand };
}

/** Products by sku; `after` is the last sku of the page before. */
export async function listOffered(
  reader: Reader,
  page: { after: Sku | null; limit: number },
): Promise<OfferedProduct[]> {
  const { rows } = await reader.query<OfferedRow>({
    name: 'list-offered',
    text: `select ${offeredColumns} from products join stock using (sku) where $1::text is null or sku > $1 order by sku limit $2`,
    values: [page.after, page.limit],
  });
  return rows.map((row) => ({ ...productOf(row), available: row.on_hand }));
}

export async function hasProducts(reader: Reader): Promise<boolean> {
  const { rows } = await reader.query<{ found: boolean }>('select exists (select from products) as found');
  return rows[0]?.found === true;
}

const offeredColumns = 'sku, name, description, price_minor, currency, on_hand';

type ProductColumns = {
  sku: Sku;
  name: string;
  description: string;
  price_minor: number;
  currency: Currency;
  version: number;
};
type OfferedRow = Omit<ProductColumns, 'version'> & { on_hand: number };

function productOf({ sku, name, description, price_minor, currency }: Omit<ProductColumns, 'version'>): Product {
  return { sku, name, description, priceMinor: price_minor, currency };
}
