import { OrderId } from '@sagamart/contracts/ids';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { Problem } from '@sagamart/service-kit/problem';
import { operatorOf, requireOperator } from '@sagamart/service-kit/token';
import { Type, type Static } from 'typebox';
import type { Deps } from './deps.ts';
import { listEscalated } from './escalation-store.ts';
import type { ProviderReply } from './payment.ts';
import { createSettling } from './settlement.ts';
import { listSettlements } from './settlement-store.ts';

const ById = Type.Object({ orderId: OrderId });
const Page = Type.Object({
  state: Type.Optional(Type.Enum(['waiting', 'settled'])),
  cursor: Type.Optional(OrderId),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
});
const pageLimitDefault = 20;

// Something to read, and nothing that PostgreSQL's text cannot hold.
const words = (lengthMax: number) =>
  Type.String({ minLength: 1, maxLength: lengthMax, pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$' });
const Id = Type.String({ pattern: '^[\\x21-\\x7e]{1,100}$' });
const SettleBody = Type.Object(
  {
    outcome: Type.Enum(['captured', 'declined', 'voided', 'refunded']),
    captureId: Type.Optional(Id),
    refundId: Type.Optional(Id),
    declineReason: Type.Optional(words(100)),
    reason: words(500),
  },
  { additionalProperties: false },
);

/** What operators can see and do about calls that the provider's answers do not end. */
export function registerOperatorRoutes(app: HttpApp, deps: Deps): void {
  const operator = { onRequest: requireOperator(deps.verifier) };
  const settle = createSettling(deps);

  app.get('/payments', { ...operator, schema: { querystring: Page } }, async (request) => {
    const { state = 'waiting', cursor = null, limit = pageLimitDefault } = request.query;
    const rows =
      state === 'waiting'
        ? await listEscalated(deps.pool, { after: cursor, limit: limit + 1 })
        : await listSettlements(deps.pool, { before: cursor, limit: limit + 1 });
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const place = last !== undefined && 'id' in last ? last.id : last?.orderId;
    return { items, nextCursor: rows.length > limit ? (place ?? null) : null };
  });

  app.post('/payments/:orderId/settle', { ...operator, schema: { params: ById, body: SettleBody } }, (request) => {
    const { orderId } = request.params;
    const { reason } = request.body;
    return settle({ orderId, reply: replyOf(request.body), operator: operatorOf(request), reason });
  });
}

/** Throws Problem 400 that names the field without which the outcome says nothing. */
function replyOf({ outcome, captureId, refundId, declineReason }: Static<typeof SettleBody>): ProviderReply {
  switch (outcome) {
    case 'captured':
      return { outcome, captureId: captureId ?? missing('captureId') };
    case 'refunded':
      return { outcome, refundId: refundId ?? missing('refundId') };
    case 'declined':
      return { outcome, declineReason: declineReason ?? missing('declineReason') };
    case 'voided':
      return { outcome };
    default:
      return outcome satisfies never;
  }
}

function missing(field: string): never {
  const detail = `Expected ${field} with this outcome.`;
  const errors = [{ pointer: `/${field}`, detail: 'is missing' }];
  throw new Problem({ status: 400, code: 'invalid_request', detail, errors });
}
