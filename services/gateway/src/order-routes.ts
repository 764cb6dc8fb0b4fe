import type { HttpApp } from '@sagamart/service-kit/http-app';
import { requireCaller } from '@sagamart/service-kit/token';
import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Deps } from './deps.ts';
import {
  answers,
  CancelledOrder,
  ComposedOrder,
  ListedOrders,
  NewOrder,
  OrderParams,
  PageQuery,
  PlacedOrder,
  Timeline,
} from './door.ts';
import { keyHeader, queryString } from './forwarding.ts';
import { composeOrder, orderSummary, type Part } from './order-view.ts';
import { NotificationRecords, OrderRecord, OrderRecordPage, PaymentRecord, ReservationRecord } from './part-view.ts';
import { passThrough } from './pass-through.ts';
import type { Limits } from './rate-limit.ts';
import { callerHeaders, type Upstream, type UpstreamAnswer } from './upstream.ts';

export function addOrderRoutes(app: HttpApp, deps: Deps, limits: Limits): void {
  const { order, payment, inventory, notification } = deps;
  const caller = [limits.address, requireCaller(deps.verifier)];
  const security = [{ session: [] }];
  const tags = ['orders'];

  app.post(
    '/v1/orders',
    {
      onRequest: [...caller, limits.customer],
      config: { isKeyed: true },
      schema: {
        tags,
        security,
        summary: 'Place an order',
        description:
          'Answers as soon as the order is taken. Repeat with the same Idempotency-Key to get the same answer again.',
        body: NewOrder,
        response: answers({ 202: { description: 'Taken; see Location for how it goes', schema: PlacedOrder } }),
      },
    },
    async (request, reply) => {
      const headers = { ...callerHeaders(request), ...keyHeader(request) };
      return passThrough(reply, await order.call({ method: 'POST', path: '/orders', body: request.body, headers }));
    },
  );

  app.get(
    '/v1/orders',
    {
      onRequest: caller,
      schema: {
        tags,
        security,
        summary: 'Your orders, newest first',
        querystring: PageQuery,
        response: answers({ 200: { description: 'A page of orders', schema: ListedOrders } }),
      },
    },
    async (request, reply) => {
      const path = `/orders${queryString(request.query)}`;
      const answer = await order.call({ method: 'GET', path, headers: callerHeaders(request) });
      if (answer.status !== 200) return passThrough(reply, answer);
      const { items, nextCursor } = parsed(order, OrderRecordPage, answer);
      return reply.send({ items: items.map(orderSummary), nextCursor });
    },
  );

  app.get(
    '/v1/orders/:orderId',
    {
      onRequest: caller,
      schema: {
        tags,
        security,
        summary: 'One order, composed from all services',
        params: OrderParams,
        response: answers({ 200: { description: 'The order', schema: ComposedOrder } }),
      },
    },
    async (request, reply) => {
      const { orderId } = request.params;
      const [paid, reserved, told] = await Promise.all([
        readPart(request, payment, `/payments/${orderId}`, PaymentRecord),
        readPart(request, inventory, `/reservations/${orderId}`, ReservationRecord),
        readPart(request, notification, `/notifications/${orderId}`, NotificationRecords),
      ]);
      // Read last: the order then knows at least as much as it must to explain what the parts said.
      const answer = await order.call({ method: 'GET', path: `/orders/${orderId}`, headers: callerHeaders(request) });
      if (answer.status !== 200) return passThrough(reply, answer);
      const parts = {
        payment: mapped(paid, statusOf),
        stock: mapped(reserved, statusOf),
        notifications: mapped(told, itemsOf),
      };
      return reply.send(composeOrder(parsed(order, OrderRecord, answer), parts));
    },
  );

  app.post(
    '/v1/orders/:orderId/cancel',
    {
      onRequest: [...caller, limits.customer],
      schema: {
        tags,
        security,
        summary: 'Cancel an order',
        description:
          'Possible while the order is pending, and for a while after its confirmation: then it is refunded and goes back on the shelf. Takes no body and no key: an order is cancelled once, however often you ask.',
        params: OrderParams,
        response: answers({ 202: { description: 'Cancelled; now or before', schema: CancelledOrder } }),
      },
    },
    async (request, reply) => {
      const path = `/orders/${request.params.orderId}/cancel`;
      return passThrough(reply, await order.call({ method: 'POST', path, headers: callerHeaders(request) }));
    },
  );

  app.get(
    '/v1/orders/:orderId/timeline',
    {
      onRequest: caller,
      schema: {
        tags,
        security,
        summary: 'Every event of an order, causes first',
        params: OrderParams,
        response: answers({ 200: { description: 'The events', schema: Timeline } }),
      },
    },
    async (request, reply) => {
      const path = `/orders/${request.params.orderId}/timeline`;
      return passThrough(reply, await order.call({ method: 'GET', path, headers: callerHeaders(request) }));
    },
  );
}

/** A part is worth a second of waiting: after that the order is answered without it. */
const partTimeoutMs = 1_000;

async function readPart<S extends TSchema>(
  request: FastifyRequest,
  upstream: Upstream,
  path: string,
  schema: S,
): Promise<Part<Static<S>>> {
  try {
    const call = { method: 'GET', path, headers: callerHeaders(request), timeoutMs: partTimeoutMs } as const;
    const answer = await upstream.call(call);
    if (answer.status === 404) return { kind: 'absent' };
    if (answer.status === 200) return { kind: 'known', value: parsed(upstream, schema, answer) };
    request.log.warn(
      { upstream: upstream.name, status: answer.status },
      'an order is answered without one of its parts',
    );
  } catch (err) {
    request.log.warn({ upstream: upstream.name, err }, 'an order is answered without one of its parts');
  }
  return { kind: 'down' };
}

function mapped<T, U>(part: Part<T>, map: (value: T) => U): Part<U> {
  return part.kind === 'known' ? { kind: 'known', value: map(part.value) } : part;
}

function statusOf<T>(record: { status: T }): T {
  return record.status;
}

function itemsOf<T>(record: { items: T }): T {
  return record.items;
}

function parsed<S extends TSchema>(upstream: Upstream, schema: S, answer: UpstreamAnswer): Static<S> {
  const body: unknown = JSON.parse(answer.body.toString('utf8'));
  if (Value.Check(schema, body)) return body;
  throw new Error(`the ${upstream.name} service answered something else than agreed`, {
    cause: Value.Errors(schema, body),
  });
}
