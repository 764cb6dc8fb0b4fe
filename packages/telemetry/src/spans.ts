import {
  context,
  ROOT_CONTEXT,
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { attribute } from './names.ts';
import { flagsOf, isTraceparent, traceIdOf } from './trace-context.ts';

export type SpanOptions = {
  readonly kind?: keyof typeof SpanKind;
  readonly attributes?: Attributes;
  /** The traceparent of the span that this one is a child of. When it is null or malformed a new trace begins, and the sampler decides about it. */
  readonly parent: string | null | undefined;
  /** Traceparents of spans in other traces that have to do with this one. */
  readonly links?: readonly (string | null)[];
  readonly startTime?: Date;
};

/**
 * Begins a span, which must be ended: one that never is will not be seen. Where nothing is traced it stands for its parent, so that a trace
 * context travels on either way.
 */
export function startSpan(name: string, options: SpanOptions): Span {
  const { kind = 'INTERNAL', attributes, parent, links, startTime } = options;
  return tracer.startSpan(
    name,
    {
      kind: SpanKind[kind],
      ...(attributes !== undefined && { attributes }),
      ...(links !== undefined && { links: links.flatMap(linkTo) }),
      ...(startTime !== undefined && { startTime }),
    },
    contextOf(parent),
  );
}

/** Runs `work` in a span of its own, which ends with it. An error marks the span by its class, never by its text: that may quote data. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  const span = startSpan(name, options);
  try {
    return await within(span, () => work(span));
  } catch (error) {
    markFailed(error instanceof Error ? error.name : 'error', span);
    throw error;
  } finally {
    span.end();
  }
}

/** Like inSpan, under the span that is active now. Where none is, none begins: what idle workers poll is no news. */
export async function inChildSpan<T>(
  name: string,
  options: Omit<SpanOptions, 'parent'>,
  work: (span?: Span) => Promise<T>,
): Promise<T> {
  const parent = activeTraceparent();
  return parent === null ? work() : inSpan(name, { ...options, parent }, work);
}

/** Makes the span the active one while `work` runs, and what it awaits. */
export function within<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work);
}

/** Marks a span, or else the active one, as failed; `type` is a code or the name of an error. */
export function markFailed(type: string, span: Span | undefined = trace.getActiveSpan()): void {
  span?.setAttribute(attribute.errorType, type).setStatus({ code: SpanStatusCode.ERROR });
}

/** When a span began, in milliseconds since 1970; now for one that is not recorded. */
export function startOf(span: Span): number {
  const [seconds, nanoseconds] = 'startTime' in span ? (span.startTime as HrTime) : [Date.now() / 1_000, 0];
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

/** The traceparent of a span, for whatever comes of it; null when it belongs to no trace. */
export function traceparentOf(span: Span): string | null {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  return isTraceparent(traceparent) ? traceparent : null;
}

/** The traceparent of what is running now; null when it is not traced. */
export function activeTraceparent(): string | null {
  const span = trace.getActiveSpan();
  return span === undefined ? null : traceparentOf(span);
}

const tracer = trace.getTracer('sagamart');

function contextOf(traceparent: string | null | undefined): Context {
  return isTraceparent(traceparent) ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(traceparent)) : ROOT_CONTEXT;
}

function linkTo(traceparent: string | null): Link[] {
  return isTraceparent(traceparent) ? [{ context: spanContextOf(traceparent) }] : [];
}

function spanContextOf(traceparent: string) {
  const [traceId, traceFlags] = [traceIdOf(traceparent), flagsOf(traceparent)];
  return { traceId, spanId: traceparent.slice(36, 52), traceFlags, isRemote: true };
}
