import { openSpanReceiver, type SpanReceiver } from '@sagamart/test-kit/span-receiver';
import { readTrace } from '@sagamart/test-kit/trace-reader';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { traceIdOf } from './trace-context.ts';

const receiver = await openSpanReceiver();
after(() => receiver.close());

test('a traced process sends its spans, as children and links of what they belong to, before it ends', async () => {
  const { traceparent, lines } = await runTraced({ to: receiver });
  const spans = await readTrace(receiver.url, traceIdOf(traceparent));
  const [outer, inner] = ['outer', 'inner'].map((name) => spans.find((span) => span.name === name));
  assert.ok(outer !== undefined && inner !== undefined);
  assert.equal(spans.length, 2);
  assert.equal(outer.service, 'order');
  assert.equal(inner.parentId, outer.spanId);
  assert.deepEqual(outer.links, [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }]);
  assert.deepEqual([outer.kind, outer.failed], ['SERVER', false]);
  assert.deepEqual([inner.failed, inner.attributes['error.type']], [true, 'RangeError']);
  assert.doesNotMatch(JSON.stringify(spans), /secret/);
  assert.match(lines, new RegExp(`"traceId":"${traceIdOf(traceparent)}".*"msg":"inside"`));
});

test('without a collector nothing is traced', async () => {
  assert.equal((await runTraced({ to: undefined })).traceparent, 'null');
});

test('a sampler decides what is sent, and the trace id travels on', async () => {
  const { traceparent } = await runTraced({ to: receiver, env: { OTEL_TRACES_SAMPLER: 'always_off' } });
  assert.match(traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.deepEqual(await readTrace(receiver.url, traceIdOf(traceparent)), []);
});

// It is given 2 s to send what is left; the SDK would take 8 s and more.
const unhinderedMs = 6_000;

for (const [collector, to] of [
  ['down', { url: 'http://127.0.0.1:9' }],
  ['hanging', await hangingReceiver()],
] as const) {
  test(`with the collector ${collector}, work goes on and the process ends all the same`, async () => {
    const { endedAfterMs, workedMs, code, lines } = await runTraced({ to, spans: 20_000 });
    assert.equal(code, 0);
    assert.ok(endedAfterMs < unhinderedMs, `it took ${endedAfterMs} ms to end`);
    assert.ok(workedMs < unhinderedMs, `20,000 spans took ${workedMs} ms`);
    assert.ok(lines.split('spans are not taken').length <= 2, 'it is said once');
  });
}

async function hangingReceiver(): Promise<SpanReceiver> {
  const hanging = await openSpanReceiver();
  await fetch(`${hanging.url}/mood/hang`, { method: 'PUT' });
  after(() => hanging.close());
  return hanging;
}

/** Runs a process that works under two spans, and in so many more, then closes its tracing. */
async function runTraced(options: { to: { url: string } | undefined; env?: Record<string, string>; spans?: number }) {
  const source = `
    import { createLogger } from '${new URL('./logger.ts', import.meta.url).href}';
    import { inChildSpan, inSpan, startSpan, traceparentOf } from '${new URL('./spans.ts', import.meta.url).href}';
    import { startTracing } from '${new URL('./tracing.ts', import.meta.url).href}';
    const logger = createLogger({ service: 'order', level: 'info' });
    const tracing = await startTracing({ service: 'order', logger });
    const link = '00-${'c'.repeat(32)}-${'d'.repeat(16)}-01';
    const traceparent = await inSpan('outer', { kind: 'SERVER', parent: null, links: [link] }, async (span) => {
      logger.info('inside');
      const failing = async () => { throw new RangeError('secret'); };
      await inChildSpan('inner', {}, failing).catch(() => undefined);
      return traceparentOf(span);
    });
    const began = performance.now();
    for (let index = 0; index < ${options.spans ?? 0}; index += 1) startSpan('more', { parent: traceparent }).end();
    const workedMs = performance.now() - began;
    const closing = performance.now();
    await tracing.close();
    process.stderr.write([traceparent, workedMs, performance.now() - closing].join(' '), () => process.exit());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: {
      PATH: process.env['PATH'],
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      ...(options.to !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: options.to.url }),
      ...options.env,
    },
  });
  let [lines, said] = ['', ''];
  child.stdout.on('data', (chunk) => (lines += String(chunk)));
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const [code] = await once(child, 'close');
  const [traceparent = '', workedMs, closedMs] = said.split(' ');
  return {
    traceparent: traceparent === '' ? 'null' : traceparent,
    workedMs: Number(workedMs),
    endedAfterMs: Number(closedMs),
    code,
    lines,
  };
}
