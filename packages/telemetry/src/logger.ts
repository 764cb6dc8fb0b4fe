import { pino, stdSerializers } from 'pino';
import { activeTraceparent } from './spans.ts';
import { traceIdOf } from './trace-context.ts';

export type Logger = pino.Logger;

/**
 * A logger that writes JSON lines to standard output, one fact a line, with the service's name, RFC 3339 time and, of what is
 * traced, the trace id.
 * Tokens, addresses and payment methods are removed wherever they sit at most two levels deep.
 */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => {
      const traceparent = activeTraceparent();
      return traceparent === null ? {} : { traceId: traceIdOf(traceparent) };
    },
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: withoutRowData },
    redact: { paths: privateFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[removed]' },
  });
}

/** PostgreSQL repeats the failing row in `detail` and `where`, addresses and all; the constraint's name says enough. */
function withoutRowData(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { detail: _detail, where: _where, ...shown } = { ...stdSerializers.err(error) } as Record<string, unknown>;
  return shown;
}

const privateFields = ['authorization', 'email', 'paymentMethod', 'secret', 'token'];
