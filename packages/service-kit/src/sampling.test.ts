import { isSampled, traceIdOf } from '@sagamart/telemetry/trace-context';
import { openSpanReceiver } from '@sagamart/test-kit/span-receiver';
import { readTrace } from '@sagamart/test-kit/trace-reader';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const receiver = await openSpanReceiver();
after(() => receiver.close());

const requests = 200;
const callers = `00-${'a'.repeat(32)}-${'b'.repeat(16)}`;

for (const [sampler, flags, least, most, ratio] of [
  [undefined, 'none', requests, requests],
  [undefined, '00', requests, requests],
  ['always_on', '00', requests, requests],
  ['always_off', '01', 0, 0],
  ['parentbased_always_on', '00', requests, requests],
  ['parentbased_always_off', '01', 0, 0],
  // Six standard deviations: once in a billion runs beyond it.
  ['parentbased_traceidratio', '00', 13, 87, '0.25'],
  ['parentbased_traceidratio', '01', 13, 87, '0.25'],
  ['traceidratio', '01', 13, 87, '0.25'],
] as const)
  test(`the sampler ${sampler ?? 'by default'} decides about each request, whatever its caller's flags are (${flags}), and all that comes of it follows`, async () => {
    const { answers, together } = await serve({ flags, sampler, ratio });
    assert.equal(new Set(answers.map(({ outer }) => traceIdOf(outer))).size, requests, 'each begins a trace');
    const sampled = answers.filter(({ outer }) => isSampled(outer));
    assert.ok(sampled.length >= least && sampled.length <= most, `${sampled.length} of ${requests} are sampled`);
    for (const { outer, inner, handled } of answers) {
      assert.deepEqual([inner, handled].map(traceIdOf), [traceIdOf(outer), traceIdOf(outer)]);
      assert.deepEqual([inner, handled].map(isSampled), [isSampled(outer), isSampled(outer)]);
    }
    const [some] = sampled;
    if (some !== undefined) {
      const spans = await readTrace(receiver.url, traceIdOf(some.outer));
      assert.deepEqual(spans.map(({ kind }) => kind).toSorted(), ['CLIENT', 'CONSUMER', 'SERVER', 'SERVER']);
      const root = spans.find(({ parentId }) => parentId === null);
      const link = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
      assert.deepEqual(root?.links, flags === 'none' ? [] : [link]);
    }
    for (const { outer } of answers.filter((answer) => !isSampled(answer.outer)).slice(0, 5))
      assert.deepEqual(await readTrace(receiver.url, traceIdOf(outer)), []);
    assert.deepEqual(await readTrace(receiver.url, 'a'.repeat(32)), []);
    if (sampler === undefined || sampler.startsWith('parentbased'))
      assert.ok(!isSampled(together), 'a batch of what is not sampled begins no trace');
  });

type Served = { outer: string; inner: string; handled: string };

/** Runs a process with a door, a service behind it, and what handles the message that comes of each request. */
async function serve(given: { flags: string; sampler: string | undefined; ratio: string | undefined }) {
  const url = (path: string): string => new URL(path, import.meta.url).href;
  const source = `
    import { createHttpApp } from '${url('./http-app.ts')}';
    import { startMessageSpans } from '${url('./message-spans.ts')}';
    import { createLogger } from '${url('../../telemetry/src/logger.ts')}';
    import { activeTraceparent, inChildSpan, traceparentOf } from '${url('../../telemetry/src/spans.ts')}';
    import { startTracing } from '${url('../../telemetry/src/tracing.ts')}';
    const logger = createLogger({ service: 'test', level: 'silent' });
    const tracing = await startTracing({ service: 'test', logger });
    const inner = createHttpApp({ logger });
    inner.get('/', (request) => ({ traceparent: request.traceparent }));
    const outer = createHttpApp({ logger, door: { trustedProxies: [], tracedCallers: [] } });
    outer.get('/', (request) => inChildSpan('call', { kind: 'CLIENT' }, async (span) =>
      (await inner.inject({ url: '/', headers: { traceparent: traceparentOf(span) } })).json()));
    const read = (traceparent) => ({
      kind: 'readable', record: { topic: 't', partition: 0, offset: '0', headers: { traceparent } }, event: { id: 'i', time: new Date().toISOString() },
    });
    const headers = ${given.flags === 'none' ? '{}' : JSON.stringify({ traceparent: `${callers}-${given.flags}`, tracestate: 'a=b' })};
    const answers = [];
    for (let index = 0; index < ${requests}; index += 1) {
      const answer = await outer.inject({ url: '/', headers });
      const { traceparent } = answer.json();
      const spans = startMessageSpans([read(traceparent)]);
      const [message] = spans.messages;
      spans.end();
      answers.push({ outer: answer.headers.traceresponse, inner: traceparent, handled: message.event.traceparent });
    }
    const batch = startMessageSpans(['e', 'f'].map((digit) => read('00-' + digit.repeat(32) + '-${'c'.repeat(16)}-00')));
    const together = batch.together(activeTraceparent);
    batch.end();
    await tracing.close();
    process.stdout.write(JSON.stringify({ answers, together }), () => process.exit());`;
  const { sampler, ratio } = given;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
    maxBuffer: 16 * 1024 * 1024,
    env: {
      PATH: process.env['PATH'],
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      ...(sampler !== undefined && { OTEL_TRACES_SAMPLER: sampler }),
      ...(ratio !== undefined && { OTEL_TRACES_SAMPLER_ARG: ratio }),
    },
  });
  return JSON.parse(stdout) as { answers: Served[]; together: string | null };
}
