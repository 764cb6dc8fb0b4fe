import { createLogger } from '@sagamart/telemetry/logger';
import { isSampled, isTraceparent, traceIdOf } from '@sagamart/telemetry/trace-context';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpApp, type DoorOptions } from './http-app.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const unsampled = `${given.slice(0, -2)}00`;

function appBehind(door?: DoorOptions) {
  const app = createHttpApp({ logger, ...(door !== undefined && { door }) });
  app.get('/trace', (request) => ({ traceparent: request.traceparent }));
  return app;
}

const inside = appBehind();
const outside = appBehind({ trustedProxies: ['10.0.0.0/8'], tracedCallers: ['10.1.0.0/16'] });

for (const url of ['/trace', '/unknown', '/livez', '/%zz']) {
  test(`inside, the answer to ${url} names the trace it was given in`, async () => {
    const { headers } = await inside.inject({ url, headers: { traceparent: given } });
    assert.equal(headers['traceresponse'], given);
  });

  test(`at the door, the answer to ${url} names a trace of our own`, async () => {
    const { headers } = await outside.inject({ url, headers: { traceparent: given } });
    assert.ok(isTraceparent(headers['traceresponse']));
    assert.notEqual(traceIdOf(headers['traceresponse']), traceIdOf(given));
  });
}

test('at the door the trace of a caller on the list goes on, and not that of one who only came through a proxy', async () => {
  const seen = async (remoteAddress: string, headers: Record<string, string> = {}) =>
    (await outside.inject({ url: '/trace', remoteAddress, headers: { traceparent: given, ...headers } })).json<{
      traceparent: string;
    }>().traceparent;
  assert.equal(await seen('10.1.2.3'), given);
  assert.equal(await seen('::ffff:10.1.2.3'), given);
  assert.notEqual(traceIdOf(await seen('10.2.0.1')), traceIdOf(given));
  assert.notEqual(traceIdOf(await seen('10.2.0.1', { 'x-forwarded-for': '10.1.2.3' })), traceIdOf(given));
});

test('what nobody records is not said to be recorded, and what the caller decided is handed on', async () => {
  const seen = async (headers: Record<string, string>) =>
    (await inside.inject({ url: '/trace', headers })).json<{ traceparent: string }>().traceparent;
  assert.ok(!isSampled(await seen({})));
  assert.equal(await seen({ traceparent: unsampled }), unsampled);
});

for (const [what, traceparent] of [
  ['missing', ''],
  ['malformed', 'robert); drop table traces'],
  ['of another version', `ff${given.slice(2)}`],
  ['of zeros only', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`],
  ['far too long', given.repeat(100)],
  ['given twice', `${given}, ${given}`],
] as const)
  test(`a traceparent that is ${what} is replaced by a new one`, async () => {
    const answer = await inside.inject({ url: '/trace', headers: { traceparent } });
    const { traceparent: used } = answer.json<{ traceparent: string }>();
    assert.ok(isTraceparent(used));
    assert.notEqual(traceIdOf(used), traceIdOf(given));
    assert.equal(answer.headers['traceresponse'], used);
  });
