import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTrace } from '@sagamart/test-kit/trace-reader';
import { enterShop } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, tracesUrl, traceWhere } from './spans.ts';

const { client } = await enterShop();

const traceId = (digit: string): string => digit.repeat(32);
const list = (headers: Record<string, string>) => client.call('GET', '/v1/products?limit=1', { headers });
const inventorySaw = 'gateway: GET inventory → inventory: GET /products';

for (const flags of ['01', '00'])
  test(`the door begins the trace and links a caller’s own, whose flag ${flags} decides nothing here`, async () => {
    const theirs = { traceId: traceId(flags === '01' ? 'a' : 'd'), spanId: 'b'.repeat(16) };
    const headers = { traceparent: `00-${theirs.traceId}-${theirs.spanId}-${flags}`, tracestate: 'planted=1' };
    const [one, other] = [await list(headers), await list(headers)];
    assert.equal(new Set([theirs.traceId, traceIdOfAnswer(one), traceIdOfAnswer(other)]).size, 3);
    const spans = await traceWhere(traceIdOfAnswer(one), (found) => edgesOf(found).includes(inventorySaw));
    const root = spans.find(({ parentId }) => parentId === null);
    assert.deepEqual([root?.service, root?.links], ['gateway', [theirs]]);
    assert.doesNotMatch(JSON.stringify(spans), /planted/);
    assert.deepEqual(await readTrace(tracesUrl, theirs.traceId), []);
  });

test('a malformed traceparent is replaced by a trace of our own, and is nowhere in it', async () => {
  const answer = await list({ traceparent: `00-${traceId('c')}-hostile-01` });
  assert.match(traceIdOfAnswer(answer), /^[0-9a-f]{32}$/);
  assert.notEqual(traceIdOfAnswer(answer), traceId('c'));
  const spans = await traceWhere(traceIdOfAnswer(answer), (found) => edgesOf(found).includes(inventorySaw));
  assert.doesNotMatch(JSON.stringify(spans), /hostile|cccccccc/);
});

test('a huge baggage is dropped at the door', async () => {
  const answer = await list({ baggage: `planted=${'x'.repeat(9_000)}` });
  assert.equal(answer.status, 200);
  const spans = await traceWhere(traceIdOfAnswer(answer), (found) => edgesOf(found).includes(inventorySaw));
  assert.doesNotMatch(JSON.stringify(spans), /planted|xxxx/);
});

test('every answer names its trace, a refusal too', async () => {
  for (const path of ['/v1/orders', '/nowhere', '/livez', '/docs/']) {
    const answer = await client.call('GET', path);
    assert.match(answer.headers.get('traceresponse') ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-\d\d$/, path);
  }
});
