import { CancelReason, OrderLine } from '@sagamart/contracts/events';
import { CustomerId, OrderId, Sku } from '@sagamart/contracts/ids';
import { Currency, Minor, PriceMinor } from '@sagamart/contracts/money';
import { Type, type TSchema } from 'typebox';
import { NotificationStep, Outcome, PaymentStep, StockStep } from './part-view.ts';

/** What goes in and out of the public door: the schemas that requests are checked against and that /openapi.json is made from. */
const strict = { additionalProperties: false };
const exampleOrderId = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';
const exampleCustomerId = '0199c0dd-10aa-7b42-9f0e-6f1d2c3b4a59';

// No control characters: PostgreSQL's text cannot hold NUL, and none of the others belongs in a name.
const oneLine = '^[^\\u0000-\\u001f\\u007f]*$';
// Narrower than RFC 5322: a mail server refuses a quoted name with a space in it (501), and its customer would not be told.
export const Email = Type.String({
  format: 'email',
  pattern: '^[^\\s"<>@]{1,64}@[^\\s"<>@]{1,189}$',
  examples: ['ada@example.com'],
});
const OneSku = Type.Unsafe<Sku>(Type.String({ ...Sku, description: 'Stock keeping unit', examples: ['MUG-BLUE'] }));
const Time = Type.String({ format: 'date-time', examples: ['2026-11-21T10:15:30.000Z'] });

export const OrderParams = Type.Object({ orderId: OrderId });
export const ProductParams = Type.Object({ sku: OneSku });
export const PageQuery = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,200}$', description: 'nextCursor of the page before' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  strict,
);

export const NewSession = Type.Union([
  Type.Object({ email: Type.Optional(Email) }, { ...strict, title: 'Customer' }),
  Type.Object(
    {
      role: Type.Literal('operator'),
      name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$', examples: ['ada'] }),
      secret: Type.String({ minLength: 1, maxLength: 200 }),
    },
    { ...strict, title: 'Operator' },
  ),
]);

export const OpenedSession = Type.Object({
  token: Type.String({ description: 'Send as Authorization: Bearer <token>' }),
  customerId: Type.Optional(Type.String({ ...CustomerId, examples: [exampleCustomerId] })),
  operator: Type.Optional(Type.String()),
  expiresAt: Time,
});

export const NewOrder = Type.Object(
  {
    lines: Type.Array(
      Type.Object(
        {
          sku: OneSku,
          quantity: Type.Integer({ minimum: 1, maximum: 99, examples: [2] }),
          expectedPriceMinor: Type.Optional(PriceMinor),
        },
        strict,
      ),
      { minItems: 1, maxItems: 50 },
    ),
    paymentMethod: Type.String({ pattern: '^tok_[a-z0-9_]{1,60}$', examples: ['tok_visa'] }),
    email: Type.Optional(Email),
  },
  {
    ...strict,
    examples: [{ lines: [{ sku: 'MUG-BLUE', quantity: 2 }], paymentMethod: 'tok_visa', email: 'ada@example.com' }],
  },
);

export const PlacedOrder = Type.Object({
  orderId: Type.String({ ...OrderId, examples: [exampleOrderId] }),
  status: Type.Literal('pending'),
  totalMinor: Minor,
  currency: Currency,
  deadline: Time,
});

export const CancelledOrder = Type.Object({
  orderId: Type.String({ ...OrderId, examples: [exampleOrderId] }),
  status: Type.Literal('cancelled'),
});

const orderFields = {
  orderId: Type.String({ ...OrderId, examples: [exampleOrderId] }),
  status: Type.Enum(['pending', 'confirmed', 'cancelled']),
  reason: Type.Optional(CancelReason),
  lines: Type.Array(OrderLine),
  totalMinor: Minor,
  currency: Currency,
  deadline: Time,
  placedAt: Time,
};
const stale = Type.Optional(
  Type.Literal(true, { description: 'The service that knows is down; this is the least that is known to be true' }),
);

export const ListedOrders = Type.Object({
  items: Type.Array(Type.Object(orderFields)),
  nextCursor: nullable(Type.String()),
});

export const ComposedOrder = Type.Object({
  ...orderFields,
  payment: Type.Object({ status: Type.Enum([...PaymentStep.enum, 'none', 'unavailable']), stale }),
  stock: Type.Object({ status: Type.Enum([...StockStep.enum, 'none', 'unavailable']), stale }),
  notifications: Type.Array(
    Type.Object({
      outcome: Outcome,
      status: Type.Enum([...NotificationStep.enum, 'unavailable']),
      sentAt: Type.Optional(Time),
      stale,
    }),
  ),
});

export const Timeline = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String({ description: 'UUIDv7' }),
      type: Type.String({ examples: ['order.placed'] }),
      source: Type.String({ examples: ['/order'] }),
      time: Time,
      lamport: Type.Integer({ minimum: 1, description: 'Sort by this, then source: causes come first' }),
      causationId: nullable(Type.String()),
      traceId: nullable(Type.String()),
      causeMissing: Type.Optional(Type.Literal(true)),
      data: Type.Unknown(),
    }),
  ),
});

export const ProductFacts = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 120, pattern: oneLine }),
    description: Type.String({ maxLength: 2_000, pattern: oneLine }),
    priceMinor: PriceMinor,
    currency: Currency,
  },
  { ...strict, examples: [{ name: 'Blue mug', description: 'Stoneware, 330 ml', priceMinor: 1250, currency: 'EUR' }] },
);

export const Product = Type.Object({
  sku: OneSku,
  name: Type.String(),
  description: Type.String(),
  priceMinor: PriceMinor,
  currency: Currency,
  available: Type.Integer({ minimum: 0, description: 'On hand and not held by an order' }),
});
export const ChangedProduct = Type.Object({
  sku: OneSku,
  name: Type.String(),
  description: Type.String(),
  priceMinor: PriceMinor,
  currency: Currency,
  version: Type.Integer({ minimum: 1, description: 'Rises with every change' }),
});
export const ProductPage = Type.Object({ items: Type.Array(Product), nextCursor: nullable(Type.String()) });

export const Restock = Type.Object(
  { quantity: Type.Integer({ minimum: 1, maximum: 100_000, examples: [100] }) },
  strict,
);
export const Restocked = Type.Object({ sku: OneSku, available: Type.Integer({ minimum: 0 }) });

const ProblemDetails = Type.Object(
  {
    type: Type.String({ examples: ['https://sagamart.example/problems/invalid_request'] }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; branch on this', examples: ['invalid_request'] }),
    detail: Type.String(),
    traceId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON Pointer', examples: ['/lines/0/sku'] }),
          detail: Type.String(),
        }),
      ),
    ),
  },
  { title: 'Problem', description: 'RFC 9457' },
);

/** The answers of a route for the published description. Bodies from services pass as they are, so nothing is serialized by it. */
export function answers(byStatus: Record<string, { description: string; schema: TSchema }>): Record<string, unknown> {
  const entries: [string, unknown][] = Object.entries(byStatus).map(([status, { description, schema }]) => [
    status,
    { description, content: { 'application/json': { schema } } },
  ]);
  const problem = { description: 'A refusal', content: { 'application/problem+json': { schema: ProblemDetails } } };
  return Object.fromEntries([...entries, ['4xx', problem], ['5xx', problem]]);
}

function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}
