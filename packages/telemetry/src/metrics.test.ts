import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMetric } from '@sagamart/test-kit/read-metric';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { addSource, createDurations, createGauge, renderMetrics } from './metrics.ts';

const definition = (name: string, labelNames: string[] = []) => ({ name, help: 'Made for one test', labelNames });

test('a gauge that nobody has set is absent, not zero', async () => {
  createGauge(definition('unset_gauge'));
  assert.equal(readMetric(await renderMetrics(), 'unset_gauge'), null);
});

test('a source that fails or hangs is shown to be down, and what it said before is not shown again', async () => {
  let answer: () => Promise<number> = async () => 7;
  const gauge = createGauge(definition('asked_gauge'));
  const labelled = createGauge(definition('asked_gauge_by_kind', ['kind']));
  addSource({
    name: 'asked',
    gauges: [gauge, labelled],
    read: async () => {
      const value = await answer();
      return [
        { gauge, value },
        { gauge: labelled, labels: { kind: 'a' }, value },
      ];
    },
  });
  const look = async () => {
    const text = await renderMetrics();
    return ['asked_gauge', 'asked_gauge_by_kind']
      .map((name) => readMetric(text, name))
      .concat(readMetric(text, 'sagamart_source_up', { source: 'asked' }));
  };
  assert.deepEqual(await look(), [7, 7, 1]);
  answer = () => Promise.reject(new Error('refused'));
  assert.deepEqual(await look(), [null, null, 0]);
  const late = Promise.withResolvers<number>();
  let questions = 0;
  answer = () => {
    questions += 1;
    return late.promise;
  };
  assert.deepEqual(await look(), [null, null, 0]);
  // It has not answered the last question: it is not asked another one.
  assert.deepEqual(await look(), [null, null, 0]);
  assert.equal(questions, 1);
  answer = async () => 9;
  late.resolve(8);
  await waitUntil('the source to be asked again', async () => (await look())[2] === 1);
  assert.deepEqual(await look(), [9, 9, 1]);
});

test('an observation names its trace as an example', async () => {
  const durations = createDurations(definition('some_seconds', ['kind']), [1]);
  durations.observe({ kind: 'a' }, 0.5, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
  durations.observe({ kind: 'b' }, 0.5, null);
  const lines = (await renderMetrics()).split('\n');
  const bucketOf = (kind: string) =>
    lines.find((line) => line.startsWith('some_seconds_bucket{le="1"') && line.includes(`"${kind}"`));
  assert.match(bucketOf('a') ?? '', /# \{trace_id="a{32}"\} 0\.5 /);
  assert.doesNotMatch(bucketOf('b') ?? '', /#/);
});

test('what runs, and how its event loop does, is among the metrics', async () => {
  const text = await renderMetrics();
  assert.equal(readMetric(text, 'sagamart_build_info', { version: '0.1.0', node: process.version }), 1);
  assert.notEqual(readMetric(text, 'nodejs_eventloop_lag_p99_seconds'), null);
  assert.ok(text.endsWith('# EOF\n'));
});
