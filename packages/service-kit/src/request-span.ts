import type { IncomingMessage } from 'node:http';
import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { markFailed, startSpan, traceparentOf, within } from '@sagamart/telemetry/spans';
import { beginTrace, isTraceparent } from '@sagamart/telemetry/trace-context';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const spans = new WeakMap<IncomingMessage, Span>();

/**
 * Begins the SERVER span of a request and gives the traceparent to work under. The span is a child of the caller's where its trace goes on; else it
 * begins a trace, which the sampler decides about, with a link to the caller's. A valid `traceparent` is all that is read of a caller's context.
 */
export function beginRequest(request: IncomingMessage, isTraceContinued: boolean): string {
  const { traceparent } = request.headers;
  const given = isTraceparent(traceparent) ? traceparent : null;
  const parent = isTraceContinued ? given : null;
  if (isProbe(request.url)) return parent ?? beginTrace();
  const span = startSpan(request.method ?? '', { kind: 'SERVER', parent, links: isTraceContinued ? [] : [given] });
  spans.set(request, span);
  return traceparentOf(span) ?? beginTrace();
}

/** Every request runs in its span, which ends with the response; every response names its trace in `traceresponse`. */
export function traceRequests(app: Pick<FastifyInstance, 'addHook'>): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('traceresponse', request.id);
    run(request, done);
  });
  // A body arrives in events of the socket, which know nothing of what was active.
  app.addHook('preValidation', (request, _reply, done) => run(request, done));
  app.addHook('onResponse', (request, reply, done) => {
    end(request, reply);
    done();
  });
}

function run(request: FastifyRequest, done: () => void): void {
  const span = spans.get(request.raw);
  if (span === undefined) done();
  else within(span, done);
}

function end(request: FastifyRequest, reply: FastifyReply): void {
  const span = spans.get(request.raw);
  if (span === undefined) return;
  const { method } = request;
  const { url: route } = request.routeOptions;
  span.updateName(spanName.request(method, route)).setAttributes({
    [attribute.httpMethod]: method,
    [attribute.httpStatus]: reply.statusCode,
    ...(route !== undefined && { [attribute.httpRoute]: route }),
  });
  if (reply.statusCode >= 500) markFailed(String(reply.statusCode), span);
  span.end();
}

/** What is asked by machines that look after the service, every few seconds. */
export function isProbe(path: string | undefined): boolean {
  return path === '/livez' || path === '/readyz' || path === '/metrics';
}
