import fastifyRateLimit, { normalizeIP, type FastifyRateLimitStore } from '@fastify/rate-limit';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { Problem } from '@sagamart/service-kit/problem';
import { callerOf } from '@sagamart/service-kit/token';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Deps } from './deps.ts';

type Counted = Parameters<FastifyRateLimitStore['incr']>[1];
export type Limit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/**
 * The limits, as hooks. Each adds itself to the RateLimit headers (draft-ietf-httpapi-ratelimit-headers-10) or refuses with 429. `operators` counts
 * those who would be an operator by the name in the body, wherever they call from.
 */
export type Limits = { address: Limit; sessions: Limit; operators: Limit; customer: Limit };

export async function createLimits(app: HttpApp, { config, counter }: Deps): Promise<Limits> {
  class CounterStore implements FastifyRateLimitStore {
    incr(key: string, callback: Counted, windowMs: number): void {
      void countFor(key, windowMs, callback);
    }
    child(): CounterStore {
      return this;
    }
  }
  async function countFor(key: string, windowMs: number, callback: Counted): Promise<void> {
    callback(null, await counter.count(key, windowMs));
  }
  await app.register(fastifyRateLimit, { global: false, store: CounterStore });

  function limit(policy: string, max: number, windowMs: number, ownerOf: (request: FastifyRequest) => string): Limit {
    const countRequest = app.createRateLimit({
      max,
      timeWindow: windowMs,
      keyGenerator: (request) => `${policy}:${ownerOf(request)}`,
    });
    return async (request, reply) => {
      const counted = await countRequest(request);
      if (counted.isAllowed) return;
      addTo(reply, 'ratelimit-policy', `"${policy}";q=${max};w=${windowMs / 1000}`);
      addTo(reply, 'ratelimit', `"${policy}";r=${counted.remaining};t=${counted.ttlInSeconds}`);
      if (!counted.isExceeded) return;
      throw new Problem({
        status: 429,
        code: 'too_many_requests',
        detail: `At most ${max} requests in ${windowMs / 1000} s for one ${policy}. Try again in ${counted.ttlInSeconds} s.`,
        headers: { 'retry-after': String(Math.max(1, counted.ttlInSeconds)) },
      });
    };
  }

  return {
    address: limit('address', config.RATE_LIMIT_ADDRESS_PER_SECOND, 1_000, addressOf),
    sessions: limit('sessions', config.RATE_LIMIT_SESSIONS_PER_MINUTE, 60_000, addressOf),
    operators: limit('operator', config.RATE_LIMIT_SESSIONS_PER_MINUTE, 60_000, operatorOf),
    customer: limit('customer', config.RATE_LIMIT_CUSTOMER_PER_SECOND, 1_000, customerOf),
  };
}

function addTo(reply: FastifyReply, header: string, item: string): void {
  const before = reply.getHeader(header);
  reply.header(header, typeof before === 'string' ? `${before}, ${item}` : item);
}

/** An IPv6 customer has a whole /64: addresses inside it count together. */
function addressOf(request: FastifyRequest): string {
  return normalizeIP(request.clientAddress);
}

function operatorOf({ body }: FastifyRequest): string {
  return typeof body === 'object' && body !== null && 'name' in body ? String(body.name) : '';
}

function customerOf(request: FastifyRequest): string {
  const caller = callerOf(request);
  return caller.kind === 'customer' ? caller.customerId : `operator:${caller.name}`;
}
