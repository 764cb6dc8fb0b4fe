import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { logFile } from './part-log.ts';
import { watchServices } from './service-watch.ts';
import { forever, shellPart, superviseInTest, until } from './stack-test-kit.ts';

test('an alarm of a service stands in the status and once in the log, stays while the service does not answer, and ends with it', async (t) => {
  let answer: object = { status: 'ready', alarms: ['2 payments wait'] };
  let status = 200;
  let looks = 0;
  const server = createServer((_request, response) => {
    looks += 1;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { supervisor, home } = superviseInTest(t, [
    shellPart('payment', forever, { url: `http://127.0.0.1:${address.port}` }),
  ]);
  await supervisor.start();
  const watching = new AbortController();
  t.after(() => watching.abort());
  watchServices(supervisor, watching.signal);
  const detail = () => supervisor.runner('payment').status().detail;

  await until('the alarm is shown', () => detail() === '2 payments wait');
  answer = { status: 'ready', alarms: ['3 payments wait'] };
  await until('the alarm goes on', () => detail() === '3 payments wait');
  [answer, status] = [{ status: 503 }, 503];
  const before = looks;
  await until('it was looked at again', () => looks > before + 1);
  assert.equal(detail(), '3 payments wait');
  [answer, status] = [{ status: 'ready', alarms: [] }, 200];
  await until('the alarm is over', () => detail() === undefined);
  const log = readFileSync(logFile(home, 'supervisor'), 'utf8');
  assert.equal(log.match(/payment: ALARM: 2 payments wait/g)?.length, 1);
  assert.equal(log.match(/ALARM/g)?.length, 1);
  assert.match(log, /payment: alarm is over/);
});
