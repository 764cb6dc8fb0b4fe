import { Problem } from '@sagamart/service-kit/problem';
import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inSpan, markFailed, traceparentOf } from '@sagamart/telemetry/spans';
import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import type { FastifyRequest } from 'fastify';
import { errors, Pool } from 'undici';

/** What a service answered, whatever its status. */
export type UpstreamAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
};

export type UpstreamCall = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** How long one attempt may take; 6 s unless told. */
  readonly timeoutMs?: number;
};

/** One service behind the gateway. `call` throws Problem 503 with Retry-After when no answer could be had. */
export type Upstream = {
  readonly name: string;
  call(call: UpstreamCall): Promise<UpstreamAnswer>;
  close(): Promise<void>;
};

/**
 * Calls to one service, with a deadline an attempt, a limit on calls in flight (bulkhead) and a breaker that stops asking a dead service. Reads are
 * tried again after any broken connection. Writes are tried again only when the connection was refused: then nothing can have happened.
 */
export function createUpstream(name: string, url: string): Upstream {
  const pool = new Pool(url, {
    connections: callsInFlightMax,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    maxResponseSize: answerBytesMax,
  });
  const limit = bulkhead(callsInFlightMax, callsWaitingMax);
  const breaker = circuitBreaker(handleWhen(isTrouble), {
    halfOpenAfter: breakerRestMs,
    breaker: new ConsecutiveBreaker(failuresBeforeBreak),
  });
  const backoff = new ExponentialBackoff({ initialDelay: 20, maxDelay: 100 });
  const again = {
    reads: retry(handleWhen(isBrokenConnection), { maxAttempts: retriesMax, backoff }),
    writes: retry(handleWhen(wasRefused), { maxAttempts: retriesMax, backoff }),
  };

  return {
    name,
    async call(call) {
      const policy = wrap(
        limit,
        call.method === 'GET' ? again.reads : again.writes,
        breaker,
        timeout(call.timeoutMs ?? attemptTimeoutMs, TimeoutStrategy.Aggressive),
      );
      try {
        return await policy.execute(({ signal }) =>
          inSpan(spanName.call(call.method, name), { kind: 'CLIENT', parent: call.headers['traceparent'] }, (span) =>
            ask(pool, call, { signal, span }),
          ),
        );
      } catch (error) {
        throw problemOf(name, error);
      }
    },
    close: () => pool.close(),
  };
}

/** The headers every internal call carries: who asks, and under which trace. */
export function callerHeaders(request: FastifyRequest): Record<string, string> {
  const { authorization } = request.headers;
  return authorization === undefined
    ? { traceparent: request.traceparent }
    : { traceparent: request.traceparent, authorization };
}

const callsInFlightMax = 64;
const callsWaitingMax = 512;
const connectTimeoutMs = 1_000;
/** Longer than a service waits for its own database (5 s a statement), so that its own answer comes through. */
const attemptTimeoutMs = 6_000;
const retriesMax = 2;
const failuresBeforeBreak = 5;
const breakerRestMs = 1_000;
const answerBytesMax = 8 * 1024 * 1024;

async function ask(
  pool: Pool,
  call: UpstreamCall,
  { signal, span }: { signal: AbortSignal; span: Span },
): Promise<UpstreamAnswer> {
  const hasBody = call.body !== undefined;
  const traceparent = traceparentOf(span);
  const sent = { ...call.headers, ...(traceparent !== null && { traceparent }) };
  const { statusCode, headers, body } = await pool.request({
    method: call.method,
    path: call.path,
    headers: hasBody ? { ...sent, 'content-type': 'application/json' } : sent,
    body: hasBody ? JSON.stringify(call.body) : null,
    signal,
  });
  span.setAttributes({ [attribute.httpMethod]: call.method, [attribute.httpStatus]: statusCode });
  if (statusCode >= 400) markFailed(String(statusCode), span);
  return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) };
}

const brokenCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function isBrokenConnection(error: unknown): boolean {
  return (
    brokenCodes.has(codeOf(error) ?? '') ||
    error instanceof errors.SocketError ||
    error instanceof errors.ConnectTimeoutError
  );
}

function wasRefused(error: unknown): boolean {
  return codeOf(error) === 'ECONNREFUSED';
}

function isTrouble(error: unknown): boolean {
  return isBrokenConnection(error) || isTaskCancelledError(error) || isBrokenAnswer(error);
}

/** Not every error of undici: one that blames the request itself must not open the breaker for everybody. */
function isBrokenAnswer(error: unknown): boolean {
  return (
    error instanceof errors.HTTPParserError ||
    error instanceof errors.ResponseExceededMaxSizeError ||
    error instanceof errors.RequestAbortedError ||
    error instanceof errors.ClientDestroyedError ||
    error instanceof errors.ClientClosedError
  );
}

function problemOf(name: string, error: unknown): Error {
  const headers = { 'retry-after': '1' };
  if (isBulkheadRejectedError(error)) {
    const detail = `Too many calls to the ${name} service are waiting already. Try again shortly.`;
    return new Problem({ status: 503, code: 'overloaded', detail, headers, cause: error });
  }
  if (isTrouble(error) || isBrokenCircuitError(error)) {
    const detail = `The ${name} service does not answer just now. Try again shortly; repeat a POST with the same Idempotency-Key.`;
    return new Problem({ status: 503, code: 'service_unavailable', detail, headers, cause: error });
  }
  return error instanceof Error ? error : new Error(String(error));
}
