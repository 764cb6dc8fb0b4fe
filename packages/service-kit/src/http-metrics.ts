import { createDurations, metricsContentType, renderMetrics } from '@sagamart/telemetry/metrics';
import { metricNames } from '@sagamart/telemetry/names';
import type { HttpApp } from './http-app.ts';
import { isProbe } from './request-span.ts';

const bucketsSeconds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5];
const durations = createDurations(metricNames.httpServerDuration, bucketsSeconds);

/** Whoever asks more often gets the same answer: the database and Kafka are not asked again. */
const answerKeptMs = 500;
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/**
 * Measures every request by its route template, and answers GET /metrics. A path that belongs to no route counts as `unmatched`, so that nobody
 * can make series by asking for made-up paths.
 */
export function addMetrics(app: HttpApp): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched';
    if (isProbe(route)) return;
    durations.observe(
      {
        http_request_method: methods.has(request.method) ? request.method : '_OTHER',
        http_route: route,
        http_response_status_code: String(reply.statusCode),
      },
      reply.elapsedTime / 1_000,
      request.traceparent,
    );
  });
  let kept: { atMs: number; answer: Promise<string> } | null = null;
  app.get('/metrics', async (_request, reply) => {
    const ageMs = Date.now() - (kept?.atMs ?? 0);
    // Of a negative age is what was kept before the clock was set back.
    if (kept === null || ageMs > answerKeptMs || ageMs < 0) kept = { atMs: Date.now(), answer: renderMetrics() };
    return reply.type(metricsContentType).send(await kept.answer);
  });
}
