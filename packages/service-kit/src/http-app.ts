import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Logger } from '@sagamart/telemetry/logger';
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
import { answerBrokenRequest, watchConnections } from './broken-request.ts';
import { addressRanges, clientAddress } from './client-address.ts';
import { answerError, answerProblem } from './http-errors.ts';
import { addMetrics } from './http-metrics.ts';
import { parseJsonBody } from './json-body.ts';
import { closeConnectionsLingering } from './lingering-close.ts';
import { Problem } from './problem.ts';
import { checkRequestHeads, noSuchRoute } from './request-head.ts';
import { beginRequest, traceRequests } from './request-span.ts';
import { compileValidator, refuseUnknownQuery } from './request-validator.ts';

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
  /** Set at the public door. Elsewhere only our own services call: the peer is the caller, and its trace goes on. */
  door?: DoorOptions;
};

/** Whom the public door believes, each as addresses and CIDR ranges of peers. */
export type DoorOptions = {
  /** Their X-Forwarded-For says who calls. */
  trustedProxies: readonly string[];
  /** The traces of these go on here; to the trace of anybody else ours is linked. */
  tracedCallers: readonly string[];
};

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace context of this request: its own span when it is traced, else the caller's where that goes on, else a new one that is not sampled. */
    readonly traceparent: string;
    /** The IP address of who calls: the peer, or whom trusted proxies name. Fastify's own `ip` is that of the peer. */
    readonly clientAddress: string;
  }
}

const bodyBytesMax = 64 * 1024;
const headerBytesMax = 16 * 1024;
const requestTimeoutMs = 10_000;
/** How often Node looks for requests that take too long. */
const requestsCheckedEveryMs = 1_000;
const paramLengthMax = 200;
const readinessTimeoutMs = 1_000;

/**
 * The HTTP defaults of every service: TypeBox validation without coercion, unknown fields refused where a schema says so, every error as
 * application/problem+json that can be read by who is still sending, bounded bodies, headers and times, a span and a trace context a
 * request, and /livez, /readyz and /metrics.
 */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const logger: FastifyBaseLogger = options.logger;
  const goesOn = options.door === undefined ? () => true : addressRanges(options.door.tracedCallers);
  const isTrustedProxy = addressRanges(options.door?.trustedProxies ?? []);
  const base = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'traceparent' }),
    genReqId: (request) => beginRequest(request, goesOn(request.socket.remoteAddress ?? '')),
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    http: {
      maxHeaderSize: headerBytesMax,
      // Node's own 60 s would be the limit of the whole request too.
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestsCheckedEveryMs,
      // Two tokens or two media types are none: taking the first would be taking another than somebody else might.
      joinDuplicateHeaders: true,
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: paramLengthMax },
    // A keep-alive connection may bring one more request while we close: it gets its answer.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      const detail =
        error.code === 'FST_ERR_MAX_PARAM_LENGTH'
          ? 'A part of the path is too long.'
          : 'The path is not a valid URL path.';
      void answerProblem(new Problem({ status: 400, code: 'invalid_url', detail }), request, reply);
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, { headerBytesMax, requestTimeoutMs }),
  });
  const app: HttpApp = base.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(compileValidator);
  app.decorateRequest('traceparent', {
    getter() {
      return this.id;
    },
  });
  app.decorateRequest('clientAddress', {
    getter() {
      const forwardedFor = this.headers['x-forwarded-for'];
      const peer = this.socket.remoteAddress ?? '';
      return clientAddress({ peer, forwardedFor: forwardedFor?.toString() }, isTrustedProxy);
    },
  });
  app.addHook('onRoute', refuseUnknownQuery);
  traceRequests(app);
  watchConnections(app);
  closeConnectionsLingering(app, { bodyBytesMax });
  checkRequestHeads(app, { bodyBytesMax });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    try {
      done(null, bytes.length === 0 ? undefined : parseJsonBody(Buffer.from(bytes)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => answerProblem(noSuchRoute(request), request, reply));
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
