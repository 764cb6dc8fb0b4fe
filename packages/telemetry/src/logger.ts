import { pino, stdSerializers } from 'pino';

export type Logger = pino.Logger;

/**
 * A logger that writes JSON lines to standard output, one fact a line, with the service's name and RFC 3339 time.
 * Tokens, addresses and payment methods are removed wherever they sit at most two levels deep.
 */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
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
