import { OrderId, Sku } from '@sagamart/contracts/ids';
import { Currency, PriceMinor } from '@sagamart/contracts/money';
import { inRetriedTransaction, type Transaction } from '@sagamart/service-kit/transaction';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { answerOnce, parseIdempotencyKey, sendAnswer, type Answer } from '@sagamart/service-kit/idempotency';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { Problem } from '@sagamart/service-kit/problem';
import { callerOf, maySee, requireCaller, requireOperator } from '@sagamart/service-kit/token';
import { Type } from 'typebox';
import type { Deps } from './deps.ts';
import { putProduct, type Product, type VersionedProduct } from './product.ts';
import { findOffered, listOffered, lockProduct, saveProducts } from './product-store.ts';
import { findReservation } from './reservation-store.ts';
import { restock, unitsMax } from './stock.ts';
import { applyMovements, lockStock } from './stock-store.ts';

// No control characters: PostgreSQL's text cannot hold a NUL, and none of the others belongs in a name.
const line = '^[^\\u0000-\\u001f\\u007f]*$';

const ProductBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 120, pattern: line }),
    description: Type.String({ maxLength: 2000, pattern: line }),
    priceMinor: PriceMinor,
    currency: Currency,
  },
  { additionalProperties: false },
);
const RestockBody = Type.Object(
  { quantity: Type.Integer({ minimum: 1, maximum: 100_000 }) },
  { additionalProperties: false },
);
const Page = Type.Object(
  {
    cursor: Type.Optional(Sku),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  { additionalProperties: false },
);
const pageLimitDefault = 20;
const BySku = Type.Object({ sku: Sku });

export function registerProductRoutes(app: HttpApp, deps: Deps): void {
  const operator = requireOperator(deps.verifier);

  app.get('/products', { schema: { querystring: Page } }, async (request) => {
    const { cursor, limit = pageLimitDefault } = request.query;
    const products = await listOffered(deps.pool, { after: cursor ?? null, limit: limit + 1 });
    const items = products.slice(0, limit);
    return { items, nextCursor: products.length > limit ? (items.at(-1)?.sku ?? null) : null };
  });

  app.get('/products/:sku', { schema: { params: BySku } }, async (request) => {
    const product = await findOffered(deps.pool, request.params.sku);
    if (product === null) throw unknownProduct(request.params.sku);
    return product;
  });

  app.put('/products/:sku', { onRequest: operator, schema: { params: BySku, body: ProductBody } }, async (request) => {
    const wanted = { sku: request.params.sku, ...request.body };
    return inRetriedTransaction(deps.pool, (tx) => changeProduct(tx, deps, wanted, request.traceparent));
  });

  app.post(
    '/products/:sku/restock',
    { onRequest: operator, schema: { params: BySku, body: RestockBody } },
    async (request, reply) => {
      const caller = callerOf(request);
      const owner = caller.kind === 'operator' ? caller.name : caller.customerId;
      const key = parseIdempotencyKey(request.headers['idempotency-key']);
      const { sku } = request.params;
      const route = `POST /products/${sku}/restock`;
      const answer = await answerOnce(deps.pool, { owner, route, key, body: request.body }, (tx) =>
        addUnits(tx, sku, request.body.quantity),
      );
      return sendAnswer(reply, answer);
    },
  );
}

export function registerReservationRoutes(app: HttpApp, deps: Deps): void {
  const ById = Type.Object({ orderId: OrderId });
  app.get(
    '/reservations/:orderId',
    { onRequest: requireCaller(deps.verifier), schema: { params: ById } },
    async (request) => {
      const { orderId } = request.params;
      const reserved = await findReservation(deps.pool, orderId);
      // A tombstone is no reservation: nothing was held, and nothing will be.
      const status = reserved?.reservation.status ?? 'unseen';
      const isNone = status === 'unseen' || status === 'tombstone';
      if (reserved === null || isNone || !maySee(callerOf(request), reserved.customerId)) {
        throw new Problem({
          status: 404,
          code: 'not_found',
          detail: `There is no reservation for an order ${orderId} of yours.`,
        });
      }
      return { orderId, status };
    },
  );
}

async function changeProduct(
  tx: Transaction,
  deps: Deps,
  wanted: Product,
  traceparent: string,
): Promise<VersionedProduct> {
  const before = await lockProduct(tx, wanted.sku);
  const { row, events } = putProduct(before, wanted, { clock: deps.clock, traceparent });
  await saveProducts(tx, [row]);
  await appendToOutbox(tx, events);
  return { ...wanted, version: row.version };
}

async function addUnits(tx: Transaction, sku: Sku, quantity: number): Promise<Answer> {
  const stock = await lockStock(tx, [sku]);
  const before = stock.get(sku);
  if (before === undefined) throw unknownProduct(sku);
  const movement = restock(sku, before, quantity);
  if (movement === 'stock_full') throw stockFull();
  await applyMovements(tx, [movement]);
  return { status: 200, location: null, body: JSON.stringify({ sku, available: movement.after.onHand }) };
}

function stockFull(): Problem {
  const detail = `There can be at most ${unitsMax} units of a product, sold ones included.`;
  return new Problem({ status: 409, code: 'stock_full', detail, errors: [{ pointer: '/quantity', detail }] });
}

function unknownProduct(sku: Sku): Problem {
  return new Problem({
    status: 404,
    code: 'not_found',
    detail: `There is no product ${sku}. GET /v1/products lists what there is.`,
  });
}
