import type { FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/**
 * Refuses, before anything else is done, requests that say of themselves what is not offered here: a path, no host, an expectation, an encoded body. A caller that
 * asks first whether it may send its body (`Expect: 100-continue`) is told so when somebody is about to read it; otherwise it gets its refusal without sending.
 */
export function checkRequestHeads(app: FastifyInstance, options: { bodyBytesMax: number }): void {
  const asked = new WeakSet<IncomingMessage>();
  app.server.on('checkContinue', (request, response) => {
    asked.add(request);
    app.server.emit('request', request, response);
  });
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response));

  app.addHook('onRequest', (request, _reply, done) => {
    const problem = request.is404 ? noSuchRoute(request) : problemOf(request.raw, asked.has(request.raw));
    done(problem ?? undefined);
  });
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (asked.has(request.raw) && Number(request.headers['content-length'] ?? 0) <= options.bodyBytesMax)
      reply.raw.writeContinue();
    done(null, payload);
  });
}

/** What is answered where there is nothing. */
export function noSuchRoute({ method }: { method: string }): Problem {
  return new Problem({ status: 404, code: 'no_such_route', detail: `There is no ${method} here.` });
}

function problemOf({ headers, httpVersion }: IncomingMessage, isContinueAsked: boolean): Problem | null {
  if (headers.host === undefined && httpVersion === '1.1')
    return new Problem({ status: 400, code: 'invalid_http', detail: 'Send a Host header.' });
  if (headers.expect !== undefined && !isContinueAsked)
    return new Problem({
      status: 417,
      code: 'expectation_failed',
      detail: 'Expect nothing, or 100-continue.',
      headers: { connection: 'close' },
    });
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return new Problem({
      status: 415,
      code: 'unsupported_media_type',
      detail: 'Send the body as it is, without a Content-Encoding.',
      headers: { 'accept-encoding': 'identity' },
    });
  return null;
}
