import { EventId, OrderId } from '@sagamart/contracts/ids';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { operatorOf, requireOperator } from '@sagamart/service-kit/token';
import { Type } from 'typebox';
import type { Deps } from './deps.ts';
import { listEscalated, listRefused } from './escalation-store.ts';
import { listMailActs } from './mail-act-store.ts';
import { createMailActs } from './mail-acts.ts';

const ById = Type.Object({ orderId: OrderId });
const Page = Type.Object({
  state: Type.Optional(Type.Enum(['waiting', 'refused', 'acts'])),
  cursor: Type.Optional(EventId),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
});
const pageLimitDefault = 20;

const Outcome = Type.Optional(Type.Enum(['confirmed', 'cancelled']));
// Something to read, and nothing that PostgreSQL's text cannot hold.
const Reason = Type.String({ minLength: 1, maxLength: 500, pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$' });
const Email = Type.String({ pattern: '^[^\\s@<>\\x00-\\x1f]{1,64}@[^\\s@<>\\x00-\\x1f]{1,190}$' });
const Resend = Type.Object(
  { outcome: Outcome, to: Type.Optional(Email), reason: Reason },
  { additionalProperties: false },
);
const GiveUp = Type.Object({ outcome: Outcome, reason: Reason }, { additionalProperties: false });

/** What operators can see and do about mails that the mail server does not take. */
export function registerOperatorRoutes(app: HttpApp, deps: Pick<Deps, 'pool' | 'clock' | 'committed' | 'verifier'>) {
  const operator = { onRequest: requireOperator(deps.verifier) };
  const act = createMailActs(deps);

  app.get('/notifications', { ...operator, schema: { querystring: Page } }, async (request) => {
    const { state = 'waiting', cursor = null, limit = pageLimitDefault } = request.query;
    const more = limit + 1;
    const rows =
      state === 'waiting'
        ? await listEscalated(deps.pool, { after: cursor, limit: more })
        : state === 'refused'
          ? await listRefused(deps.pool, { before: cursor, limit: more })
          : await listMailActs(deps.pool, { before: cursor, limit: more });
    const items = rows.slice(0, limit);
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  });

  app.post('/notifications/:orderId/resend', { ...operator, schema: { params: ById, body: Resend } }, (request) => {
    const { outcome = null, to = null, reason } = request.body;
    return act({ act: 'resend', ...request.params, outcome, to, operator: operatorOf(request), reason });
  });

  app.post('/notifications/:orderId/give-up', { ...operator, schema: { params: ById, body: GiveUp } }, (request) => {
    const { outcome = null, reason } = request.body;
    return act({ act: 'give_up', ...request.params, outcome, operator: operatorOf(request), reason });
  });
}
