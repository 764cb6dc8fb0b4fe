import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { metricNames } from './names.ts';
import { traceIdOf } from './trace-context.ts';

type Definition<Label extends string> = { name: string; help: string; labelNames: readonly Label[] };

/** A value that a source read. */
export type Reading = { gauge: Gauge; value: number; labels?: Record<string, string> };

/** Something outside of the process that is asked at each scrape. Only what it answers in time is shown, and never an old answer. */
export type Source = { name: string; gauges: readonly Gauge[]; read: () => Promise<readonly Reading[]> };

// A process is one service, so it has one registry, as it has one environment: what counts need not be handed through every function.
const registry = new Registry<OpenMetricsContentType>();
registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
collectDefaultMetrics({ register: registry });

const sourceTimeoutMs = 1_500;

/** A counter of this process. */
export function createCounter<Label extends string>({ name, help, labelNames }: Definition<Label>): Counter<Label> {
  return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

/** A histogram of this process in seconds, whose observations name a trace as their example. */
export function createDurations<Label extends string>(
  { name, help, labelNames }: Definition<Label>,
  bucketsSeconds: readonly number[],
): {
  observe: (labels: Record<Label, string>, seconds: number, traceparent: string | null) => void;
  zero: (labels: Record<Label, string>) => void;
} {
  const histogram = new Histogram<string>({
    ...{ name, help, labelNames: [...labelNames], buckets: [...bucketsSeconds] },
    ...{ enableExemplars: true, registers: [registry] },
  });
  return {
    observe: (labels, value, traceparent) =>
      histogram.observe({
        labels,
        value,
        exemplarLabels: traceparent === null ? {} : { trace_id: traceIdOf(traceparent) },
      }),
    zero: (labels) => histogram.zero(labels),
  };
}

/** A gauge of this process, absent until it is set. */
export function createGauge({ name, help, labelNames }: Definition<string>): Gauge {
  const gauge = new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  forget(gauge);
  return gauge;
}

const sources: (Source & { isBusy: boolean })[] = [];
const sourceUp = createGauge(metricNames.sourceUp);

/** From now on the source is asked at each scrape, one question at a time. */
export function addSource(source: Source): void {
  sources.push({ ...source, isBusy: false });
}

/** All metrics of the process in the OpenMetrics text format, after a look at every source. */
export async function renderMetrics(): Promise<string> {
  await Promise.all(sources.map(refresh));
  return registry.metrics();
}

export const metricsContentType = registry.contentType;

async function refresh(source: (typeof sources)[number]): Promise<void> {
  const readings = source.isBusy ? null : await readInTime(source);
  for (const gauge of source.gauges) forget(gauge);
  for (const { gauge, value, labels = {} } of readings ?? []) gauge.set(labels, value);
  sourceUp.set({ source: source.name }, readings === null ? 0 : 1);
}

// Reset alone would leave a gauge without labels at 0, which is a value like any other.
function forget(gauge: Gauge): void {
  gauge.reset();
  gauge.remove({});
}

async function readInTime(source: (typeof sources)[number]): Promise<readonly Reading[] | null> {
  const late = Promise.withResolvers<null>();
  const timeout = setTimeout(() => late.resolve(null), sourceTimeoutMs);
  source.isBusy = true;
  const read = source
    .read()
    .catch(() => null)
    .finally(() => {
      source.isBusy = false;
      clearTimeout(timeout);
    });
  return Promise.race([read, late.promise]);
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
createGauge(metricNames.buildInfo).set({ version, node: process.version }, 1);
