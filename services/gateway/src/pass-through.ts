import type { FastifyReply } from 'fastify';
import type { UpstreamAnswer } from './upstream.ts';

/** Gives a service's answer to the client as it is: status, body byte for byte, and the headers that belong to the answer. */
export function passThrough(reply: FastifyReply, answer: UpstreamAnswer): FastifyReply {
  for (const name of passedHeaders) {
    const value = answer.headers[name];
    if (value !== undefined) reply.header(name, value);
  }
  const location = answer.headers['location'];
  if (typeof location === 'string') reply.header('location', publicPath(location));
  return reply.code(answer.status).send(answer.body);
}

const passedHeaders = ['content-type', 'retry-after', 'www-authenticate', 'cache-control', 'etag'];

function publicPath(location: string): string {
  return location.startsWith('/') && !location.startsWith('/v1/') ? `/v1${location}` : location;
}
