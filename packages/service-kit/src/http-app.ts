import { TypeBoxValidatorCompiler, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Logger } from '@sagamart/telemetry/logger';
import { continueTrace } from '@sagamart/telemetry/trace-context';
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import { flushCompileCache } from 'node:module';
import type { Socket } from 'node:net';
import { answerError, answerProblem } from './http-errors.ts';
import { addMetrics } from './http-metrics.ts';
import { parseJsonBody } from './json-body.ts';
import { Problem, problemMediaType } from './problem.ts';
import { beginRequest, traceRequests } from './request-span.ts';

/** A Fastify 5 instance whose request and reply types come from TypeBox schemas. */
export type HttpApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** One thing /readyz asks: null when fine, else what is wrong. A check that throws or is slower than a second counts as wrong. */
export type ReadinessCheck = { name: string; check: () => Promise<string | null> | string | null };

export type HttpAppOptions = {
  logger: Logger;
  /** With one of these wrong /readyz answers 503: nothing is to be asked of this process now. */
  readiness?: readonly ReadinessCheck[];
  /** What is wrong here stands in `alarms` of /readyz, which answers 200 all the same: the process works, but somebody has to look. */
  alarms?: readonly ReadinessCheck[];
  /** Addresses or CIDR ranges whose X-Forwarded-For is believed. None unless given. */
  trustedProxies?: readonly string[];
};

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace context of this request: its own span when it is traced, else the caller's when valid, else a new root. */
    readonly traceparent: string;
  }
}

const bodyBytesMax = 64 * 1024;
const headerBytesMax = 16 * 1024;
const requestTimeoutMs = 10_000;
const paramLengthMax = 200;
const readinessTimeoutMs = 1_000;

/**
 * The HTTP defaults of every service: TypeBox validation without coercion of bodies, unknown fields refused where a schema says so, every error as
 * application/problem+json, bounded bodies, headers and times, a span and a trace context a request, and /livez,
 * /readyz and /metrics.
 */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const logger: FastifyBaseLogger = options.logger;
  const base = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'traceparent' }),
    genReqId: beginRequest,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    http: { maxHeaderSize: headerBytesMax },
    routerOptions: { maxParamLength: paramLengthMax },
    trustProxy:
      options.trustedProxies === undefined || options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    // A keep-alive connection may bring one more request while we close: it gets its answer.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      const detail =
        error.code === 'FST_ERR_MAX_PARAM_LENGTH'
          ? 'A part of the path is too long.'
          : 'The path is not a valid URL path.';
      void answerProblem(new Problem({ status: 400, code: 'invalid_url', detail }), request, reply);
    },
    clientErrorHandler: answerBrokenRequest,
  });
  const app: HttpApp = base.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(TypeBoxValidatorCompiler);
  app.decorateRequest('traceparent', {
    getter() {
      return this.id;
    },
  });
  traceRequests(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    try {
      done(null, bytes.length === 0 ? undefined : parseJsonBody(Buffer.from(bytes)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) =>
    answerProblem(
      new Problem({ status: 404, code: 'no_such_route', detail: `There is no ${request.method} here.` }),
      request,
      reply,
    ),
  );
  addHealthRoutes(app, options);
  addMetrics(app);
  return app;
}

/** Starts to answer on the configured loopback address and port; throws when the port is taken, naming PORT. */
export async function listen(app: HttpApp, config: { HOST: string; PORT: number }): Promise<void> {
  try {
    await app.listen({ host: config.HOST, port: config.PORT });
  } catch (cause) {
    throw new Error(`cannot listen on ${config.HOST}:${config.PORT}; free that port or set PORT to another one`, {
      cause,
    });
  }
  // Written at the latest when a process ends, but a killed one would leave nothing for its next start. Does nothing without NODE_COMPILE_CACHE.
  flushCompileCache();
}

function addHealthRoutes(app: HttpApp, { readiness = [], alarms = [] }: HttpAppOptions): void {
  app.get('/livez', () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    const [errors, raised] = await Promise.all([faultsOf(readiness), faultsOf(alarms)]);
    if (errors.length > 0) {
      const detail = `Not ready: ${errors.map((error) => error.pointer).join(', ')}.`;
      throw new Problem({ status: 503, code: 'not_ready', detail, errors, headers: { 'retry-after': '1' } });
    }
    return { status: 'ready', alarms: raised.map(({ detail }) => detail) };
  });
}

type Fault = { pointer: string; detail: string };

async function faultsOf(checks: readonly ReadinessCheck[]): Promise<Fault[]> {
  return (await Promise.all(checks.map(faultOf))).filter((fault) => fault !== null);
}

async function faultOf({ name, check }: ReadinessCheck): Promise<Fault | null> {
  const timer = Promise.withResolvers<string>();
  const timeout = setTimeout(() => timer.resolve(`no answer within ${readinessTimeoutMs} ms`), readinessTimeoutMs);
  try {
    const detail = await Promise.race([Promise.resolve().then(check), timer.promise]);
    return detail === null ? null : { pointer: name, detail };
  } catch (error) {
    return { pointer: name, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timeout);
  }
}

/** What Node's parser refuses never becomes a request, so it is answered on the bare socket. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title, code, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          431,
          'Request Header Fields Too Large',
          'headers_too_large',
          `Send at most ${headerBytesMax} bytes of headers.`,
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout', 'request_timeout', `Send the whole request within ${requestTimeoutMs} ms.`]
        : [400, 'Bad Request', 'invalid_http', 'The request is not valid HTTP.'];
  const traceId = continueTrace(undefined).slice(3, 35);
  const body = JSON.stringify({
    type: `https://sagamart.example/problems/${code}`,
    title,
    status,
    code,
    detail,
    traceId,
  });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: ${problemMediaType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
