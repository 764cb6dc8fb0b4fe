import type { HttpApp } from '@sagamart/service-kit/http-app';
import { requireOperator } from '@sagamart/service-kit/token';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Deps } from './deps.ts';
import { answers } from './door.ts';
import {
  ActedMails,
  ById,
  GiveUpBody,
  MailPage,
  MailsQuery,
  PaymentPage,
  PaymentsQuery,
  ResendBody,
  SettleBody,
  SettledPayment,
} from './escalation-door.ts';
import { passThrough } from './pass-through.ts';
import type { Limits } from './rate-limit.ts';
import { callerHeaders, type Upstream } from './upstream.ts';

/** What the answers of the provider and of the mail server do not end, for operators: payment and notification keep it and act on it. */
export function addEscalationRoutes(app: HttpApp, deps: Deps, limits: Limits): void {
  const operator = { onRequest: [limits.address, requireOperator(deps.verifier)] };
  const security = [{ session: [] }];
  const payments = { tags: ['payments'], security };
  const mails = { tags: ['notifications'], security };

  app.get(
    '/v1/payments',
    {
      ...operator,
      schema: {
        ...payments,
        summary:
          "Payments that the provider's answers do not end, oldest order first; or how such were settled, newest first",
        description: 'Operators only.',
        querystring: PaymentsQuery,
        response: answers({ 200: { description: 'A page', schema: PaymentPage } }),
      },
    },
    (request, reply) => list(deps.payment, '/payments', request, reply),
  );

  app.post(
    '/v1/payments/:orderId/settle',
    {
      ...operator,
      schema: {
        ...payments,
        summary: 'Say what became of a call that the provider does not answer',
        description:
          'Operators only. `captured` takes a `captureId`, `refunded` a `refundId`, `declined` a `declineReason`. 409 `does_not_follow` where the payment waits for something else, or for nothing any more.',
        params: ById,
        body: SettleBody,
        response: answers({ 200: { description: 'What became of the payment', schema: SettledPayment } }),
      },
    },
    (request, reply) => act(deps.payment, `/payments/${request.params.orderId}/settle`, request, reply),
  );

  app.get(
    '/v1/notifications',
    {
      ...operator,
      schema: {
        ...mails,
        summary:
          'Mails that the mail server does not take, oldest first; or those given up, or what was done about any, newest first',
        description: 'Operators only.',
        querystring: MailsQuery,
        response: answers({ 200: { description: 'A page', schema: MailPage } }),
      },
    },
    (request, reply) => list(deps.notification, '/notifications', request, reply),
  );

  for (const [path, summary, body] of [
    ['resend', 'Send a mail once more, now, if need be to another address', ResendBody],
    ['give-up', 'Send a mail no more: its customer is not told, or was told otherwise', GiveUpBody],
  ] as const)
    app.post(
      `/v1/notifications/:orderId/${path}`,
      {
        ...operator,
        schema: {
          ...mails,
          summary,
          description:
            'Operators only. Without an `outcome` it is about each of which the customer was not told. 409 `sent_already` where the mail was taken.',
          params: ById,
          body,
          response: answers({ 200: { description: "What became of the order's notifications", schema: ActedMails } }),
        },
      },
      (request, reply) => act(deps.notification, `/notifications/${request.params.orderId}/${path}`, request, reply),
    );
}

async function list(service: Upstream, path: string, request: FastifyRequest, reply: FastifyReply) {
  const search = new URLSearchParams(request.query as Record<string, string>).toString();
  return passThrough(
    reply,
    await service.call({ method: 'GET', path: `${path}?${search}`, headers: callerHeaders(request) }),
  );
}

async function act(service: Upstream, path: string, request: FastifyRequest, reply: FastifyReply) {
  const { body } = request;
  return passThrough(reply, await service.call({ method: 'POST', path, body, headers: callerHeaders(request) }));
}
