import { createLogger } from '@sagamart/telemetry/logger';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Type } from 'typebox';
import { LostRace } from './database-trouble.ts';
import { createHttpApp, type ReadinessCheck } from './http-app.ts';
import { Problem, type ProblemBody } from './problem.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

function appThatThrows(error: unknown) {
  const app = createHttpApp({ logger });
  app.get('/', () => {
    throw error;
  });
  return app;
}

const coded = (code: string) => Object.assign(new Error('password=hunter2'), { code });

for (const [what, error] of [
  ['a refused connection', coded('ECONNREFUSED')],
  ['a server that shuts down', coded('57P01')],
  ['a server that starts up', coded('57P03')],
  ['too many connections', coded('53300')],
  ['a statement that took too long', coded('57014')],
  ['a lock that was not given', coded('55P03')],
  ['a deadlock', coded('40P01')],
  ['no connection from the pool in time', new Error('timeout exceeded when trying to connect')],
  ['a connection that broke', new Error('Connection terminated unexpectedly')],
  ['a database that only reads', coded('25006')],
  ['a lost race', new LostRace('2 rows were to change')],
  ['trouble that somebody wrapped', new Error('no', { cause: coded('ECONNRESET') })],
] as const) {
  test(`${what} is answered 503 with Retry-After`, async () => {
    const answer = await appThatThrows(error).inject('/');
    const problem = answer.json<ProblemBody>();
    assert.deepEqual([answer.statusCode, answer.headers['retry-after'], problem.code], [503, '1', 'unavailable']);
    assert.equal(answer.body.includes('hunter2'), false);
  });
}

test('what nobody foresaw is answered 500 without its internals', async () => {
  for (const error of [new TypeError('hunter2'), coded('23505'), 'hunter2', null]) {
    const answer = await appThatThrows(error).inject('/');
    assert.deepEqual([answer.statusCode, answer.json<ProblemBody>().code], [500, 'internal']);
    assert.equal(answer.body.includes('hunter2'), false);
  }
});

test('a problem is answered as RFC 9457 shows it, with the trace of the request', async () => {
  const errors = [{ pointer: '/lines/0/sku', detail: 'is not sold here' }];
  const app = appThatThrows(
    new Problem({ status: 422, code: 'unknown_sku', detail: 'No.', errors, headers: { 'retry-after': '7' } }),
  );
  const answer = await app.inject({ url: '/', headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } });
  assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  assert.equal(answer.headers['retry-after'], '7');
  assert.deepEqual(answer.json(), {
    type: 'https://sagamart.example/problems/unknown_sku',
    title: 'Unprocessable Entity',
    status: 422,
    code: 'unknown_sku',
    detail: 'No.',
    traceId: 'a'.repeat(32),
    errors,
  });
});

test('bodies are not coerced and unknown fields are refused, parameters are read as JSON would write them', async () => {
  const app = createHttpApp({ logger });
  const body = Type.Object({ n: Type.Integer() }, { additionalProperties: false });
  app.post('/:id', { schema: { body, params: Type.Object({ id: Type.Integer() }) } }, (request) => ({
    sum: request.body.n + request.params.id,
  }));
  const post = (payload: object, url = '/2') => app.inject({ method: 'POST', url, payload });
  assert.deepEqual((await post({ n: 1 })).json(), { sum: 3 });
  assert.deepEqual((await post({ n: '1' })).json<ProblemBody>().errors, [{ pointer: '/n', detail: 'must be integer' }]);
  assert.deepEqual((await post({ n: 1, 'a/b': 1 })).json<ProblemBody>().errors, [
    { pointer: '/a~1b', detail: 'is not a known field' },
  ]);
  assert.deepEqual((await post({})).json<ProblemBody>().errors, [{ pointer: '/n', detail: 'is required' }]);
  assert.deepEqual((await post({ n: 1 }, '/x')).json<ProblemBody>().errors, [
    { pointer: '/params/id', detail: 'must be integer' },
  ]);
});

test('readiness names what is wrong: a check that says so, one that throws and one that hangs', async () => {
  const readiness: ReadinessCheck[] = [
    { name: 'fine', check: () => null },
    { name: 'kafka', check: () => 'no heartbeat for 9 s' },
    { name: 'database', check: () => Promise.reject(new Error('refused')) },
    { name: 'slow', check: () => new Promise<null>(() => {}) },
  ];
  const answer = await createHttpApp({ logger, readiness }).inject('/readyz');
  assert.equal(answer.statusCode, 503);
  assert.deepEqual(answer.json<ProblemBody>().errors, [
    { pointer: 'kafka', detail: 'no heartbeat for 9 s' },
    { pointer: 'database', detail: 'refused' },
    { pointer: 'slow', detail: 'no answer within 1000 ms' },
  ]);
  const alive = createHttpApp({ logger, readiness });
  assert.equal((await alive.inject('/livez')).statusCode, 200);
});

test('a service with an alarm is ready and tells it; one that is not ready says only why', async () => {
  const alarms: ReadinessCheck[] = [
    { name: 'fine', check: () => null },
    { name: 'provider', check: () => 'the provider makes no sense' },
    { name: 'database', check: () => Promise.reject(new Error('refused')) },
  ];
  const alarmed = await createHttpApp({ logger, alarms }).inject('/readyz');
  assert.deepEqual(
    [alarmed.statusCode, alarmed.json()],
    [200, { status: 'ready', alarms: ['the provider makes no sense', 'refused'] }],
  );
  assert.deepEqual((await createHttpApp({ logger }).inject('/readyz')).json(), { status: 'ready', alarms: [] });
  const unready = createHttpApp({ logger, alarms, readiness: [{ name: 'kafka', check: () => 'no fetch' }] });
  const answer = await unready.inject('/readyz');
  assert.deepEqual(
    [answer.statusCode, answer.json<ProblemBody>().errors],
    [503, [{ pointer: 'kafka', detail: 'no fetch' }]],
  );
});

test('a process that is killed leaves what it compiled to its next start', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sagamart-compiled-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = `
    import { createHttpApp, listen } from '${new URL('./http-app.ts', import.meta.url).href}';
    import { createLogger } from '${new URL('../../telemetry/src/logger.ts', import.meta.url).href}';
    const app = createHttpApp({ logger: createLogger({ service: 'test', level: 'silent' }) });
    await listen(app, { HOST: '127.0.0.1', PORT: 0 });
    console.log('up');`;
  const env = { ...process.env, NODE_COMPILE_CACHE: folder };
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { env });
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  child.kill('SIGKILL');
  assert.ok(readdirSync(folder, { recursive: true }).length > 10);
});
