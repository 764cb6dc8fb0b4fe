import { pino } from 'pino';

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
    redact: { paths: privateFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[removed]' },
  });
}

const privateFields = ['authorization', 'email', 'paymentMethod', 'secret', 'token'];
