import type { Answer } from '../shop-client.ts';
import { readTrace, type ReadSpan } from '@sagamart/test-kit/trace-reader';
import { waitUntil } from '@sagamart/test-kit/wait-until';

/** At a Jaeger, or at what a test run opened in its place. */
export const tracesUrl = process.env['SAGAMART_TRACES_URL'] ?? '';
const findableWithinMs = 30_000;

/** The trace that an answer of the shop names. */
export function traceIdOfAnswer({ headers }: Pick<Answer, 'headers'>): string {
  return headers.get('traceresponse')?.slice(3, 35) ?? '';
}

/** The spans of a trace, as soon as `enough` says they are all there; rejects 30 s later with what was found. */
export async function traceWhere(
  traceId: string,
  enough: (spans: readonly ReadSpan[]) => boolean,
): Promise<readonly ReadSpan[]> {
  let spans: readonly ReadSpan[] = [];
  const look = async () => {
    spans = await readTrace(tracesUrl, traceId);
    return enough(spans);
  };
  try {
    await waitUntil(`trace ${traceId} to be whole`, look, findableWithinMs);
  } catch (error) {
    throw new Error(`found only:\n${edgesOf(spans).toSorted().join('\n')}`, { cause: error });
  }
  return spans;
}

/** Every span as `parent → child`, each `service: name`. */
export function edgesOf(spans: readonly ReadSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  return spans.map((span) => `${wordFor(byId.get(span.parentId ?? ''))} → ${wordFor(span)}`);
}

function wordFor(span: ReadSpan | undefined): string {
  return span === undefined ? 'outside' : `${span.service}: ${span.name}`;
}
