import { newId, OrderId, Sku } from '@sagamart/contracts/ids';
import { minorMax, PriceMinor } from '@sagamart/contracts/money';
import { inRetriedTransaction, type Transaction } from '@sagamart/service-kit/transaction';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { answerOnce, parseIdempotencyKey, sendAnswer, type Answer } from '@sagamart/service-kit/idempotency';
import { Problem } from '@sagamart/service-kit/problem';
import { callerOf, maySee, requireCaller, requireOperator, type Caller } from '@sagamart/service-kit/token';
import { Type, type Static } from 'typebox';
import { cancelForCustomer } from './cancellation.ts';
import type { Deps } from './deps.ts';
import { begin, type Order, type PlaceOrder, type Refusal } from './order.ts';
import { findOrder, insertOrder, listOrders } from './order-store.ts';
import { findProducts } from './product-store.ts';
import { causalOrder } from './timeline.ts';
import { readTimeline } from './timeline-store.ts';

const PlaceOrderBody = Type.Object(
  {
    lines: Type.Array(
      Type.Object(
        {
          sku: Sku,
          quantity: Type.Integer({ minimum: 1, maximum: 99 }),
          expectedPriceMinor: Type.Optional(PriceMinor),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 50 },
    ),
    paymentMethod: Type.String({ pattern: '^tok_[a-z0-9_]{1,60}$' }),
    email: Type.Optional(Type.String({ pattern: '^[^\\s@<>\\x00-\\x1f]{1,64}@[^\\s@<>\\x00-\\x1f]{1,190}$' })),
  },
  { additionalProperties: false },
);

const Page = Type.Object(
  {
    cursor: Type.Optional(OrderId),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  { additionalProperties: false },
);
const pageLimitDefault = 20;
const ById = Type.Object({ orderId: OrderId });

export function registerOrderRoutes(app: HttpApp, deps: Deps): void {
  const signedIn = requireCaller(deps.verifier);

  app.post('/orders', { onRequest: signedIn, schema: { body: PlaceOrderBody } }, async (request, reply) => {
    const caller = customerOf(callerOf(request));
    const key = parseIdempotencyKey(request.headers['idempotency-key']);
    const { body, traceparent } = request;
    const command = {
      orderId: newId<OrderId>(),
      customerId: caller.customerId,
      email: body.email ?? caller.email,
      lines: body.lines,
      paymentMethod: body.paymentMethod,
    };
    const answer = await answerOnce(deps.pool, { owner: caller.customerId, route: 'POST /orders', key, body }, (tx) =>
      placeOrder(tx, deps, command, traceparent),
    );
    return sendAnswer(reply, answer);
  });

  app.get('/orders', { onRequest: signedIn, schema: { querystring: Page } }, async (request) => {
    const { customerId } = customerOf(callerOf(request));
    const { cursor, limit = pageLimitDefault } = request.query;
    const orders = await listOrders(deps.pool, { customerId, before: cursor ?? null, limit: limit + 1 });
    const page = orders.slice(0, limit);
    return { items: page.map(orderView), nextCursor: orders.length > limit ? (page.at(-1)?.orderId ?? null) : null };
  });

  app.get('/orders/:orderId', { onRequest: signedIn, schema: { params: ById } }, async (request) =>
    orderView(await findOwnOrder(deps, request.params, callerOf(request))),
  );

  app.get('/orders/:orderId/timeline', { onRequest: signedIn, schema: { params: ById } }, async (request) => {
    const { orderId } = await findOwnOrder(deps, request.params, callerOf(request));
    const entries = causalOrder(await readTimeline(deps.pool, orderId), deps.clock.now());
    const items = entries.map(
      ({ id, type, source: said, time, lamport, causationId, traceId, data, causeMissing }) => ({
        ...{ id, type, source: said, time, lamport, causationId, traceId, data },
        ...(causeMissing ? { causeMissing } : {}),
      }),
    );
    return { items };
  });

  app.post('/orders/:orderId/cancel', { onRequest: signedIn, schema: { params: ById } }, async (request, reply) => {
    const { orderId } = request.params;
    const caller = callerOf(request);
    const { clock, cancelWindowMs } = deps;
    const maySeeOrder = (order: Order): boolean => maySee(caller, order.customerId);
    const result = await inRetriedTransaction(deps.pool, (tx) =>
      cancelForCustomer(tx, orderId, { clock, cancelWindowMs, maySee: maySeeOrder }),
    );
    if (result === null) throw notFound(`There is no order ${orderId} of yours.`);
    if (result.isTooLate) throw windowClosed(cancelWindowMs);
    return reply.code(202).send({ orderId, status: result.order.status });
  });

  const BySku = Type.Object({ sku: Sku });
  app.get(
    '/catalogue/:sku',
    { onRequest: requireOperator(deps.verifier), schema: { params: BySku } },
    async (request) => {
      const { sku } = request.params;
      const product = (await findProducts(deps.pool, [sku])).get(sku);
      if (product === undefined)
        throw notFound(`There is no product ${sku} in the order service's copy of the catalogue.`);
      return product;
    },
  );
}

async function placeOrder(tx: Transaction, deps: Deps, command: PlaceOrder, traceparent: string): Promise<Answer> {
  const { clock, checkoutDeadlineMs } = deps;
  const catalogue = await findProducts(
    tx,
    command.lines.map((line) => line.sku),
  );
  const begun = begin(command, catalogue, { clock, checkoutDeadlineMs, traceparent });
  if ('refused' in begun) throw refusal(begun);
  await insertOrder(tx, begun);
  const { orderId, status, totalMinor, currency, deadline } = begun.row.order;
  return {
    status: 202,
    location: `/v1/orders/${orderId}`,
    body: JSON.stringify({ orderId, status, totalMinor, currency, deadline }),
  };
}

function refusal(refused: Refusal): Problem {
  switch (refused.refused) {
    case 'unknown_sku':
      return fieldProblem(
        422,
        'unknown_sku',
        `/lines/${refused.line}/sku`,
        'There is no such product. GET /v1/products lists what there is.',
      );
    case 'mixed_currencies':
      return fieldProblem(
        422,
        'mixed_currencies',
        `/lines/${refused.line}/sku`,
        'All lines of an order must be priced in one currency.',
      );
    case 'total_too_large':
      return fieldProblem(422, 'total_too_large', '/lines', `An order may cost at most ${minorMax} in minor units.`);
    case 'price_changed':
      return fieldProblem(
        409,
        'price_changed',
        `/lines/${refused.line}/expectedPriceMinor`,
        `The price is now ${refused.priceMinor}.`,
      );
    default:
      return refused satisfies never;
  }
}

function fieldProblem(status: number, code: string, pointer: string, detail: string): Problem {
  return new Problem({ status, code, detail, errors: [{ pointer, detail }] });
}

function windowClosed(cancelWindowMs: number): Problem {
  const detail = `A confirmed order can be cancelled within ${cancelWindowMs / 60_000} minutes of its confirmation.`;
  return new Problem({ status: 409, code: 'cancel_window_closed', detail });
}

/** Somebody else's order is not found, so that order ids tell a stranger nothing. */
async function findOwnOrder(deps: Deps, { orderId }: Static<typeof ById>, caller: Caller): Promise<Order> {
  const order = await findOrder(deps.pool, orderId);
  if (order === null || !maySee(caller, order.customerId)) {
    throw notFound(`There is no order ${orderId} of yours.`);
  }
  return order;
}

function notFound(detail: string): Problem {
  return new Problem({ status: 404, code: 'not_found', detail });
}

function customerOf(caller: Caller): Extract<Caller, { kind: 'customer' }> {
  if (caller.kind === 'customer') return caller;
  throw new Problem({
    status: 403,
    code: 'customer_only',
    detail: 'Orders belong to customers. Use a customer session.',
  });
}

function orderView(order: Order) {
  const { orderId, customerId, status, lines, totalMinor, currency, deadline, placedAt, heard } = order;
  return {
    ...{ orderId, customerId, status, lines, totalMinor, currency, deadline, placedAt },
    ...(order.status === 'cancelled' ? { reason: order.reason } : {}),
    heard: {
      ...(heard.stock === null ? {} : { stock: heard.stock }),
      ...(heard.payment === null ? {} : { payment: heard.payment }),
      notifications: heard.notifications.map((outcome) => ({ outcome })),
    },
  };
}
