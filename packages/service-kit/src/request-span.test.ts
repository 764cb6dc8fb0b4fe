import { createLogger } from '@sagamart/telemetry/logger';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpApp } from './http-app.ts';

const app = createHttpApp({ logger: createLogger({ service: 'test', level: 'silent' }) });
app.get('/trace', (request) => ({ traceparent: request.traceparent }));

const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

for (const url of ['/trace', '/unknown', '/livez', '/%zz'])
  test(`the answer to ${url} names the trace it was given in`, async () => {
    const { headers } = await app.inject({ url, headers: { traceparent: given } });
    assert.equal(headers['traceresponse'], given);
  });

for (const [what, traceparent] of [
  ['malformed', 'robert); drop table traces'],
  ['of another version', `ff${given.slice(2)}`],
  ['of zeros only', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`],
  ['far too long', given.repeat(100)],
] as const)
  test(`a traceparent that is ${what} is replaced by a new one`, async () => {
    const answer = await app.inject({ url: '/trace', headers: { traceparent } });
    const { traceparent: used } = answer.json<{ traceparent: string }>();
    assert.match(used, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.notEqual(used, traceparent);
    assert.equal(answer.headers['traceresponse'], used);
  });
