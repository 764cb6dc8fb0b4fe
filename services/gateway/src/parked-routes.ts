import type { HttpApp } from '@sagamart/service-kit/http-app';
import { Problem } from '@sagamart/service-kit/problem';
import { requireOperator } from '@sagamart/service-kit/token';
import type { FastifyRequest } from 'fastify';
import { Value } from 'typebox/value';
import type { Deps } from './deps.ts';
import { answers } from './door.ts';
import {
  DiscardReason,
  JoinedPage,
  ParkedParams,
  ParkedQuery,
  PausedParams,
  ReleasedPause,
  ServicePage,
  SettledMessage,
  ShownMessage,
  type ListedMessage,
} from './parked-view.ts';
import { passThrough } from './pass-through.ts';
import type { Limits } from './rate-limit.ts';
import { callerHeaders, type Upstream, type UpstreamAnswer } from './upstream.ts';

/** What the services could not handle, for operators. Each service keeps and settles its own; here they are joined and found. */
export function addParkedRoutes(app: HttpApp, deps: Deps, limits: Limits): void {
  const services = [deps.order, deps.inventory, deps.payment, deps.notification];
  const operator = { onRequest: [limits.address, requireOperator(deps.verifier)] };
  const described = { tags: ['parked messages'], security: [{ session: [] }] };

  app.get(
    '/v1/parked-messages',
    {
      ...operator,
      schema: {
        ...described,
        summary: 'What could not be handled, newest first',
        description: 'Operators only.',
        querystring: ParkedQuery,
        response: answers({ 200: { description: 'A page from all services that answer', schema: JoinedPage } }),
      },
    },
    async (request) => {
      const { limit = pageLimitDefault, ...query } = request.query;
      const search = new URLSearchParams({ ...query, limit: String(limit) }).toString();
      const pages = await Promise.all(services.map((service) => readPage(request, service, search)));
      return joined(pages, limit);
    },
  );

  app.get(
    '/v1/parked-messages/:id',
    {
      ...operator,
      schema: {
        ...described,
        summary: 'One message as it came, and what waits behind it',
        description: 'Operators only.',
        params: ParkedParams,
        response: answers({ 200: { description: 'The message', schema: ShownMessage } }),
      },
    },
    async (request, reply) => passThrough(reply, (await find(request, services, request.params.id)).answer),
  );

  app.post(
    '/v1/parked-messages/:id/replay',
    {
      ...operator,
      schema: {
        ...described,
        summary: 'Handle a message now, and all that waits behind it',
        description:
          'Operators only. Stops at the first that fails again: it stays parked, with one attempt more. A message that was replayed before stays as it is.',
        params: ParkedParams,
        response: answers({ 200: { description: 'What became of it', schema: SettledMessage } }),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { service } = await find(request, services, id);
      const path = `/parked-messages/${id}/replay`;
      return passThrough(reply, await service.call({ method: 'POST', path, headers: callerHeaders(request) }));
    },
  );

  app.post(
    '/v1/parked-messages/:id/discard',
    {
      ...operator,
      schema: {
        ...described,
        summary: 'Give a message up, and handle all that waits behind it',
        description:
          'Operators only. 409 `discard_forbidden` for an order.confirmed or order.cancelled that the order service said, or that it cannot be asked about; 409 `discard_loses_data` for product.changed unless a later one waits behind it.',
        params: ParkedParams,
        body: DiscardReason,
        response: answers({ 200: { description: 'What became of it', schema: SettledMessage } }),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { service, answer: shown } = await find(request, services, id);
      const call = { method: 'POST', path: `/parked-messages/${id}/discard`, headers: callerHeaders(request) } as const;
      const answer = await service.call({ ...call, body: request.body });
      const isForgery = isForbidden(answer) && (await neverSaid(request, deps.order, shown));
      return passThrough(
        reply,
        isForgery ? await service.call({ ...call, body: { ...request.body, neverSaid: true } }) : answer,
      );
    },
  );

  app.post(
    '/v1/services/:service/pause/release',
    {
      ...operator,
      schema: {
        ...described,
        summary: 'Have the messages parked that consumption is paused for',
        description:
          'Operators only. A service that sees messages of different keys fail alike, and none of their type succeed, parks none of them and waits until what surrounds them is repaired. This is the word that they are at fault after all: for ten minutes what fails so is parked. 409 `not_paused` otherwise.',
        params: PausedParams,
        body: DiscardReason,
        response: answers({ 200: { description: 'What they failed with', schema: ReleasedPause } }),
      },
    },
    async (request, reply) => {
      const call = { method: 'POST', path: '/pause/release', body: request.body } as const;
      return passThrough(reply, await deps[request.params.service].call({ ...call, headers: callerHeaders(request) }));
    },
  );
}

const pageLimitDefault = 20;
const lookTimeoutMs = 2_000;

type Page =
  | { service: Upstream; items: readonly ListedMessage[]; hasMore: boolean }
  | { service: Upstream; items: null };

async function readPage(request: FastifyRequest, service: Upstream, search: string): Promise<Page> {
  const answer = await look(request, service, `/parked-messages?${search}`);
  if (answer?.status !== 200) return { service, items: null };
  const body: unknown = JSON.parse(answer.body.toString('utf8'));
  if (!Value.Check(ServicePage, body))
    throw new Error(`the ${service.name} service answered something else than agreed`, {
      cause: Value.Errors(ServicePage, body),
    });
  return { service, items: body.items, hasMore: body.nextCursor !== null };
}

/** Ids are UUIDv7, so that the newest of all services is the greatest of all ids. */
function joined(pages: readonly Page[], limit: number) {
  const known = pages.filter((page) => page.items !== null);
  const all = known.flatMap(({ items }) => items).toSorted((one, other) => (one.id < other.id ? 1 : -1));
  const items = all.slice(0, limit);
  const hasMore = all.length > limit || known.some((page) => page.hasMore);
  const unavailable = pages.filter((page) => page.items === null).map(({ service }) => service.name);
  return { items, nextCursor: hasMore ? (items.at(-1)?.id ?? null) : null, unavailable };
}

/** Asks every service for the message: only the one that parked it has it. Throws Problem 404, or 503 while one that might have it is down. */
async function find(
  request: FastifyRequest,
  services: readonly Upstream[],
  id: string,
): Promise<{ service: Upstream; answer: UpstreamAnswer }> {
  const looks = await Promise.all(
    services.map(async (service) => ({ service, answer: await look(request, service, `/parked-messages/${id}`) })),
  );
  for (const { service, answer } of looks) if (answer?.status === 200) return { service, answer };
  const silent = looks.filter(({ answer }) => answer?.status !== 404).map(({ service }) => service.name);
  if (silent.length === 0)
    throw new Problem({
      status: 404,
      code: 'not_found',
      detail: `There is no parked message ${id}. GET /v1/parked-messages lists what there is.`,
    });
  throw new Problem({
    status: 503,
    code: 'service_unavailable',
    detail: `No service that answers has parked message ${id}; ${silent.join(', ')} may have it but cannot be asked just now.`,
    headers: { 'retry-after': '1' },
  });
}

function isForbidden({ status, body }: UpstreamAnswer): boolean {
  return status === 409 && (JSON.parse(body.toString('utf8')) as { code?: unknown }).code === 'discard_forbidden';
}

/** Whether the order service knows that an outcome is not its own: its order is unknown there, or has no such event. What cannot be asked is no. */
async function neverSaid(request: FastifyRequest, order: Upstream, shown: UpstreamAnswer): Promise<boolean> {
  const { key, eventId } = JSON.parse(shown.body.toString('utf8')) as { key: string; eventId: string };
  const answer = await look(request, order, `/orders/${encodeURIComponent(key)}/timeline`);
  if (answer === null) return false;
  // 400: no order can have that id.
  if (answer.status === 404 || answer.status === 400) return true;
  if (answer.status !== 200) return false;
  const { items } = JSON.parse(answer.body.toString('utf8')) as { items: { id: string }[] };
  return items.every(({ id }) => id !== eventId);
}

/** A service's answer, or null when it has none. */
async function look(request: FastifyRequest, service: Upstream, path: string): Promise<UpstreamAnswer | null> {
  try {
    return await service.call({ method: 'GET', path, headers: callerHeaders(request), timeoutMs: lookTimeoutMs });
  } catch (err) {
    request.log.warn({ upstream: service.name, err }, 'a service cannot be asked about a parked message');
    return null;
  }
}
