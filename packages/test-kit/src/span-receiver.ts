import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Takes spans as an OTLP collector does, and hands them out as Jaeger does. */
export type SpanReceiver = {
  readonly url: string;
  readonly close: () => Promise<void>;
};

type ResourceSpans = {
  resource: unknown;
  scopeSpans: { spans: { traceId: string }[] }[];
};

/**
 * Opens a receiver of OTLP over HTTP in JSON on a free loopback port. `POST /v1/traces` takes spans, `GET /api/v3/traces/<id>` gives those of one
 * trace, as Jaeger's API does, and `PUT /mood/<take|refuse|hang>` makes it a collector that takes, refuses or does not answer until its next mood.
 */
export async function openSpanReceiver(): Promise<SpanReceiver> {
  const byTrace = new Map<string, ResourceSpans[]>();
  const hanging = new Set<ServerResponse>();
  let mood = 'take';
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request;
    const body = await textOf(request);
    if (method === 'PUT' && url.startsWith('/mood/')) {
      mood = url.slice('/mood/'.length);
      for (const waiting of hanging) waiting.destroy();
      hanging.clear();
      response.end();
    } else if (method === 'POST' && url === '/v1/traces') {
      if (mood === 'hang') return void hanging.add(response);
      if (mood === 'take') keep(JSON.parse(body) as { resourceSpans?: ResourceSpans[] });
      response.writeHead(mood === 'take' ? 200 : 503, { 'content-type': 'application/json' }).end('{}');
    } else {
      const resourceSpans = byTrace.get(url.split('/').at(-1) ?? '');
      response.writeHead(resourceSpans === undefined ? 404 : 200).end(JSON.stringify({ result: { resourceSpans } }));
    }
  }

  function keep({ resourceSpans = [] }: { resourceSpans?: ResourceSpans[] }): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const spans = scopeSpans.flatMap((scope) => scope.spans);
      for (const [traceId, ofTrace] of Map.groupBy(spans, (span) => span.traceId)) {
        const kept = byTrace.get(traceId) ?? [];
        kept.push({ resource, scopeSpans: [{ spans: ofTrace }] });
        byTrace.set(traceId, kept);
      }
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
