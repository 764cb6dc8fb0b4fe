import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterShop } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from './spans.ts';

const { client } = await enterShop();

const traceId = (digit: string): string => digit.repeat(32);
const list = (headers: Record<string, string>) => client.call('GET', '/v1/products?limit=1', { headers });
const inventorySaw = 'gateway: GET inventory → inventory: GET /products';

test('a caller’s own trace goes on behind the door', async () => {
  const answer = await list({ traceparent: `00-${traceId('a')}-${'b'.repeat(16)}-01` });
  assert.equal(traceIdOfAnswer(answer), traceId('a'));
  const spans = await traceWhere(traceId('a'), (found) => edgesOf(found).includes(inventorySaw));
  assert.ok(spans.some(({ parentId, service }) => parentId === 'b'.repeat(16) && service === 'gateway'));
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
