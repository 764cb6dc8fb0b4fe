import { Sku } from '@sagamart/contracts/ids';
import { Currency, PriceMinor } from '@sagamart/contracts/money';
import { inTransaction } from '@sagamart/service-kit/transaction';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import type { Clock } from '@sagamart/service-kit/transition';
import type { Pool } from 'pg';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Parse } from 'typebox/value';
import { putProduct } from './product.ts';
import { hasProducts, saveProducts } from './product-store.ts';
import type { Movement } from './stock.ts';
import { applyMovements } from './stock-store.ts';

const Catalogue = Type.Array(
  Type.Object({
    sku: Sku,
    name: Type.String({ minLength: 1, maxLength: 120 }),
    description: Type.String({ maxLength: 2000 }),
    priceMinor: PriceMinor,
    currency: Currency,
    initialStock: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  }),
);

/** Fills an empty shop with catalogue.json, in one transaction. A shop that has any product is left as it is. */
export async function seedCatalogue(pool: Pool, clock: Clock): Promise<{ seeded: number }> {
  const text = await readFile(join(import.meta.dirname, '../catalogue.json'), 'utf8');
  const catalogue = Parse(Catalogue, JSON.parse(text));
  return inTransaction(pool, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('seed-catalogue'))`);
    if (await hasProducts(tx)) return { seeded: 0 };

    const seeds = catalogue.map(({ initialStock, ...wanted }) => {
      const { row, events } = putProduct(null, wanted, { clock, traceparent: null });
      return { product: row, events, initialStock };
    });
    await saveProducts(
      tx,
      seeds.map(({ product }) => product),
    );
    const movements = seeds.map(({ product, initialStock }): Movement => {
      const after = { onHand: initialStock, held: 0, committed: 0 };
      return { sku: product.sku, kind: 'initial', quantity: initialStock, orderId: null, after };
    });
    await applyMovements(tx, movements);
    await appendToOutbox(
      tx,
      seeds.flatMap(({ events }) => events),
    );
    return { seeded: seeds.length };
  });
}
