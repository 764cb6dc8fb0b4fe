import { setTimeout as pause } from 'node:timers/promises';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { Logger } from './logger.ts';

export type Tracing = {
  /** Sends what is left, or gives that up after 2 s: a collector that is away must not keep a process from ending. */
  readonly close: () => Promise<void>;
};

/**
 * Traces this process when the environment names a collector (OTEL_EXPORTER_OTLP_ENDPOINT), by the OpenTelemetry SDK and its variables, among them
 * OTEL_TRACES_SAMPLER; does nothing otherwise. Spans are sent in the background; what a collector does not take in time is dropped, never waited for.
 */
export async function startTracing(options: { service: string; logger: Logger }): Promise<Tracing> {
  if (!process.env['OTEL_EXPORTER_OTLP_ENDPOINT']) return { close: async () => undefined };
  for (const [name, value] of Object.entries(defaults)) process.env[name] ??= value;
  // A process that is not traced does not pay for loading it.
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName: options.service,
    resourceDetectors: [],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
    // Contexts go from hand to hand as traceparent; baggage from outside has nowhere to enter.
    textMapPropagator: null,
  });
  diag.setLogger(troubleTo(options.logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  sdk.start();
  return {
    close: () => Promise.race([sdk.shutdown().catch(() => undefined), pause(closeWithinMs, undefined, { ref: false })]),
  };
}

const closeWithinMs = 2_000;
const sayAgainAfterMs = 60_000;

/** How the SDK batches unless the environment says otherwise: visible after a second, and room for a burst. */
const defaults = { OTEL_BSP_SCHEDULE_DELAY: '1000', OTEL_BSP_MAX_QUEUE_SIZE: '8192' };

/** A collector that is away fails every second; once a minute is news enough. */
function troubleTo(logger: Logger) {
  let silentUntilMs = 0;
  const say = (message: string): void => {
    if (performance.now() < silentUntilMs) return;
    silentUntilMs = performance.now() + sayAgainAfterMs;
    logger.warn({ trouble: message.slice(0, 300) }, 'spans are not taken: the shop goes on without them');
  };
  const ignore = (): void => undefined;
  return { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore };
}
