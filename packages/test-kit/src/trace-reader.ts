/** A span as tests look at it. Times are Unix milliseconds with fractions. */
export type ReadSpan = {
  readonly service: string;
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly startMs: number;
  readonly endMs: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
};

/** What is known of a trace at a Jaeger (its API v3, which speaks OTLP) or a SpanReceiver; nothing while it knows none of it. */
export async function readTrace(url: string, traceId: string): Promise<ReadSpan[]> {
  const answer = await fetch(`${url}/api/v3/traces/${traceId}`, { signal: AbortSignal.timeout(answerTimeoutMs) });
  if (answer.status === 404) return [];
  if (!answer.ok) throw new Error(`expected a trace from ${url}, got ${answer.status}`);
  const { result } = (await answer.json()) as { result: { resourceSpans: OtlpResource[] } };
  return result.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(attributesOf(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => toSpan(span, service)));
  });
}

const answerTimeoutMs = 5_000;
const kinds = ['INTERNAL', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const statusError = 2;

type OtlpAttribute = { key: string; value: Record<string, unknown> };
type OtlpSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind?: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: OtlpAttribute[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
};
type OtlpResource = { resource: { attributes?: OtlpAttribute[] }; scopeSpans: { spans: OtlpSpan[] }[] };

function toSpan(span: OtlpSpan, service: string): ReadSpan {
  const { name, traceId, spanId, parentSpanId = '', links = [] } = span;
  return {
    service,
    name,
    kind: kinds[span.kind ?? 0] ?? 'INTERNAL',
    traceId,
    spanId,
    parentId: parentSpanId === '' ? null : parentSpanId,
    links: links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
    failed: span.status?.code === statusError,
    attributes: attributesOf(span.attributes),
  };
}

function attributesOf(attributes: readonly OtlpAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
