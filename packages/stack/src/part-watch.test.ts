import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { Part } from './part.ts';
import { logFile } from './part-log.ts';
import { watchedRunner, watchParts } from './part-watch.ts';
import { lookAtService } from './service-look.ts';
import { forever, pidOf, shellPart, superviseInTest, until } from './stack-test-kit.ts';
import type { Supervisor } from './supervisor.ts';

const isUpWithinMs = 20_000;

test('an alarm of a service stands in the status and once in the log, and a service that is not ready says why in its state', async (t) => {
  let answer: object = { status: 'ready', alarms: ['2 payments wait'] };
  let status = 200;
  const url = await serve(t, (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
  );
  const { supervisor, home } = await watch(t, service('payment', url));
  const seen = () => seenOf(supervisor, 'payment');

  await until('the alarm is shown', () => seen().join() === 'running,2 payments wait');
  answer = { status: 'ready', alarms: ['3 payments wait'] };
  await until('the alarm goes on', () => seen().join() === 'running,3 payments wait');
  [answer, status] = [{ status: 503, errors: [{ detail: 'no fetch from Kafka for 15 s' }] }, 503];
  await until('it is unhealthy', () => seen().join() === 'unhealthy,no fetch from Kafka for 15 s');
  assert.equal(supervisor.status().state, 'degraded');
  [answer, status] = [{ status: 'ready', alarms: [] }, 200];
  await until('it is well again', () => seen().join() === 'running,');
  assert.equal(supervisor.status().state, 'running');
  const log = readFileSync(logFile(home, 'supervisor'), 'utf8');
  assert.equal(log.match(/payment: ALARM: 2 payments wait/g)?.length, 1);
  assert.equal(log.match(/ALARM/g)?.length, 2);
  assert.match(log, /payment: alarm is over/);
});

test('a service whose event loop is busy is unhealthy within seconds, though its process runs', async (t) => {
  let isBusy = false;
  const url = await serve(t, (response) => isBusy || response.end('{"status":"ready","alarms":[]}'));
  const { supervisor } = await watch(t, service('order', url));
  assert.deepEqual(seenOf(supervisor, 'order'), ['running', undefined]);
  isBusy = true;
  await until('it is seen', () => seenOf(supervisor, 'order')[0] === 'unhealthy', isUpWithinMs);
  assert.match(seenOf(supervisor, 'order')[1] ?? '', /^does not answer, for \d+ s/);
  isBusy = false;
  await until('it is well again', () => seenOf(supervisor, 'order')[0] === 'running');
});

test('a process that somebody stopped past the supervisor is shown as paused, and resumed as any other', async (t) => {
  const { supervisor } = await watch(t, shellPart('redis', forever));
  process.kill(pidOf(supervisor, 'redis'), 'SIGSTOP');
  await until('it is paused', () => seenOf(supervisor, 'redis')[0] === 'paused');
  assert.match(seenOf(supervisor, 'redis')[1] ?? '', /npm run stack -- resume redis/);
  await supervisor.actOnPart('redis', 'resume', { leave: false, withinMs: 1_000 });
  await until('it runs', () => seenOf(supervisor, 'redis').join() === 'running,');
  await supervisor.actOnPart('redis', 'pause', { leave: false, withinMs: 1_000 });
  process.kill(pidOf(supervisor, 'redis'), 'SIGCONT');
  await until('it goes on by itself', () => seenOf(supervisor, 'redis').join() === 'running,');
});

test('the clock of a service that is off is told', async (t) => {
  const url = await serve(t, (response) => {
    response.setHeader('date', new Date(Date.now() + 2 * 86_400_000).toUTCString());
    response.end('{"status":"ready","alarms":[]}');
  });
  const { state, words } = await lookAtService(url);
  assert.equal(state, 'running');
  assert.match(words.join(), /its clock is 1727\d\d s ahead|its clock is 172800 s ahead/);
});

function service(name: string, url: string): Part<string> {
  return shellPart(name, forever, { url, look: async (isUp) => (isUp ? lookAtService(url) : undefined) });
}

function seenOf(supervisor: Supervisor, name: string): [string, string | undefined] {
  const { state, detail } = supervisor.runner(name).status();
  return [state, detail];
}

async function watch(t: TestContext, part: Part<string>): Promise<{ supervisor: Supervisor; home: string }> {
  const supervised = superviseInTest(t, [part]);
  await supervised.supervisor.start();
  const watching = new AbortController();
  t.after(() => watching.abort());
  void watchParts(supervised.supervisor.allRunners().map(watchedRunner), watching.signal);
  return supervised;
}

async function serve(t: TestContext, answer: (response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((_request, response) => void answer(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return `http://127.0.0.1:${address.port}`;
}
