import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes an Idempotency-Key; the service behind it checks the key and keeps the answer. */
    isKeyed?: boolean;
  }
}

/** The Idempotency-Key as it came, for the service that keeps it; nothing when there is none, which that service refuses. */
export function keyHeader(request: FastifyRequest): Record<string, string> {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return {};
  return { 'idempotency-key': typeof key === 'string' ? key : key.join(', ') };
}

/** A query string of checked parameters, or nothing. */
export function queryString(query: { cursor?: string; limit?: number }): string {
  const parameters = new URLSearchParams();
  if (query.cursor !== undefined) parameters.set('cursor', query.cursor);
  if (query.limit !== undefined) parameters.set('limit', String(query.limit));
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
