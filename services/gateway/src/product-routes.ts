import type { HttpApp } from '@sagamart/service-kit/http-app';
import { requireOperator } from '@sagamart/service-kit/token';
import type { FastifyRequest } from 'fastify';
import { setTimeout as pause } from 'node:timers/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Deps } from './deps.ts';
import {
  answers,
  ChangedProduct,
  PageQuery,
  Product,
  ProductFacts,
  ProductPage,
  ProductParams,
  Restock,
  Restocked,
} from './door.ts';
import { keyHeader, queryString } from './forwarding.ts';
import { passThrough } from './pass-through.ts';
import type { Limits } from './rate-limit.ts';
import { callerHeaders, type UpstreamAnswer } from './upstream.ts';

export function addProductRoutes(app: HttpApp, deps: Deps, limits: Limits): void {
  const { inventory } = deps;
  const operator = { onRequest: [limits.address, requireOperator(deps.verifier)] };

  app.get(
    '/v1/products',
    {
      onRequest: limits.address,
      schema: {
        tags: ['products'],
        summary: 'The catalogue, page by page',
        querystring: PageQuery,
        response: answers({ 200: { description: 'A page of products', schema: ProductPage } }),
      },
    },
    async (request, reply) => {
      const path = `/products${queryString(request.query)}`;
      return passThrough(reply, await inventory.call({ method: 'GET', path, headers: callerHeaders(request) }));
    },
  );

  app.get(
    '/v1/products/:sku',
    {
      onRequest: limits.address,
      schema: {
        tags: ['products'],
        summary: 'One product',
        params: ProductParams,
        response: answers({ 200: { description: 'The product', schema: Product } }),
      },
    },
    async (request, reply) => {
      const path = `/products/${request.params.sku}`;
      return passThrough(reply, await inventory.call({ method: 'GET', path, headers: callerHeaders(request) }));
    },
  );

  app.put(
    '/v1/products/:sku',
    {
      ...operator,
      schema: {
        tags: ['products'],
        summary: 'Create or change a product',
        description:
          'Operators only. 200 when orders are already taken at this price, 202 when that takes longer than 2 s.',
        security: [{ session: [] }],
        params: ProductParams,
        body: ProductFacts,
        response: answers({
          200: { description: 'Changed, and new orders see it', schema: ChangedProduct },
          202: { description: 'Changed; new orders will see it soon', schema: ChangedProduct },
        }),
      },
    },
    async (request, reply) => {
      const { sku } = request.params;
      const headers = callerHeaders(request);
      const answer = await inventory.call({ method: 'PUT', path: `/products/${sku}`, body: request.body, headers });
      if (answer.status !== 200) return passThrough(reply, answer);
      const isSeen = await isSeenByOrders(deps, request, { sku, version: versionOf(answer) });
      return passThrough(reply, { ...answer, status: isSeen ? 200 : 202 });
    },
  );

  app.post(
    '/v1/products/:sku/restock',
    {
      ...operator,
      config: { isKeyed: true },
      schema: {
        tags: ['products'],
        summary: 'Add stock',
        description: 'Operators only.',
        security: [{ session: [] }],
        params: ProductParams,
        body: Restock,
        response: answers({ 200: { description: 'Added', schema: Restocked } }),
      },
    },
    async (request, reply) => {
      const path = `/products/${request.params.sku}/restock`;
      const headers = { ...callerHeaders(request), ...keyHeader(request) };
      return passThrough(reply, await inventory.call({ method: 'POST', path, body: request.body, headers }));
    },
  );
}

const visibleWithinMs = 2_000;
const lookEveryMs = 25;
/** The last look gets a fair time too: one cut off after a millisecond would count against the order service. */
const lookTimeoutMsMin = 250;

const Versioned = Type.Object({ version: Type.Integer() });

function versionOf(answer: UpstreamAnswer): number | null {
  const body: unknown = JSON.parse(answer.body.toString('utf8'));
  return Value.Check(Versioned, body) ? body.version : null;
}

/** Asks the order service until its copy has the version, at most 2 s. When it cannot be asked the change is still made: not seen yet. */
async function isSeenByOrders(
  { order }: Deps,
  request: FastifyRequest,
  wanted: { sku: string; version: number | null },
): Promise<boolean> {
  if (wanted.version === null)
    throw new Error(`the inventory service answered product ${wanted.sku} without its version`);
  const endAtMs = performance.now() + visibleWithinMs;
  for (;;) {
    const leftMs = endAtMs - performance.now();
    if (leftMs <= 0) return false;
    try {
      const call = {
        method: 'GET',
        path: `/catalogue/${wanted.sku}`,
        headers: callerHeaders(request),
        timeoutMs: Math.max(leftMs, lookTimeoutMsMin),
      } as const;
      const answer = await order.call(call);
      if (answer.status === 200 && (versionOf(answer) ?? 0) >= wanted.version) return true;
    } catch (err) {
      request.log.warn({ err }, 'cannot ask whether orders see a changed product');
      return false;
    }
    await pause(lookEveryMs);
  }
}
