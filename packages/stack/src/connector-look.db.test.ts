import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { connectorLook } from './connector-look.ts';
import { readSettings, type Settings } from './settings.ts';
import { openTestServers, type TestServers } from './test-servers.ts';

type Task = { state: string; trace?: string };

const trace = `a task is being killed\nCaused by: org.postgresql.util.PSQLException: FATAL: role "order_debezium" is not permitted to log in`;
const running: Task[] = [{ state: 'RUNNING' }];

let servers: TestServers;
let settings: Settings;
// What Connect says of order-outbox; the other databases are not there, and the look leaves them out.
let said: { connector: string; tasks: Task[] } | undefined;
let restarts = 0;

const connect = createServer((request, response) => {
  if (request.method === 'POST') restarts += 1;
  const well = { connector: { state: 'RUNNING' }, tasks: running };
  const order = said && { connector: { state: said.connector }, tasks: said.tasks };
  const all = { 'inventory-outbox': well, 'payment-outbox': well, 'notification-outbox': well, 'order-outbox': order };
  response.end(
    JSON.stringify(
      Object.fromEntries(Object.entries(all).flatMap(([name, status]) => (status ? [[name, { status }]] : []))),
    ),
  );
});

before(async () => {
  servers = await openTestServers({ withKafka: false, signal: new AbortController().signal });
  await once(connect.listen(0, '127.0.0.1'), 'listening');
  const address = connect.address();
  settings = readSettings({
    ...process.env,
    ORDER_DB_PORT: new URL(servers.env.TEST_POSTGRES_URL ?? '').port,
    INVENTORY_DB_PORT: '1',
    PAYMENT_DB_PORT: '2',
    NOTIFICATION_DB_PORT: '3',
    CONNECT_PORT: String(typeof address === 'object' ? address?.port : ''),
  });
});
after(async () => {
  connect.close();
  connect.closeAllConnections();
  await servers.close();
});

test('a task that fails in a loop is told with its reason at every look, also at one that finds it just restarted', async () => {
  const look = connectorLook(settings);
  said = { connector: 'RUNNING', tasks: running };
  assert.deepEqual(await look(true), { state: 'running', words: [] });
  said = { connector: 'RUNNING', tasks: [{ state: 'FAILED', trace }] };
  const expected =
    /^order-outbox FAILED 1 times in 0 s and is restarted each time: .*order_debezium" is not permitted to log in$/;
  assert.match((await look(true))?.words.join() ?? '', expected);
  assert.equal(restarts, 1);
  said = { connector: 'RUNNING', tasks: running };
  const restarted = await look(true);
  assert.equal(restarted.state, 'unhealthy', 'it says RUNNING and has published nothing since');
  said = { connector: 'RUNNING', tasks: [{ state: 'FAILED', trace }] };
  assert.match((await look(true)).words.join(), /FAILED 2 times/);
});

for (const [connector, words] of [
  ['STOPPED', /order-outbox is STOPPED.*npm run stack -- heal order/],
  ['PAUSED', /order-outbox is PAUSED.*npm run stack -- heal order/],
] as const)
  test(`a connector that is ${connector} is told with the command that lets it go on`, async () => {
    said = { connector, tasks: [] };
    const { state, words: told } = await connectorLook(settings)(true);
    assert.equal(state, 'unhealthy');
    assert.match(told.join(), words);
  });

test('a connector that Connect does not know is told', async () => {
  said = undefined;
  assert.match((await connectorLook(settings)(true)).words.join(), /order-outbox is not registered/);
});

test('the reason of one that tries again for ever is taken from the log of Connect', async () => {
  said = { connector: 'PAUSED', tasks: [] };
  const log = `2026-11-30T22:36:36,691 WARN WorkerSourceTask{id=order-outbox-0} failed to poll records\n${trace}\n`;
  assert.match(
    (await connectorLook(settings, async () => log)(true)).words.join(),
    /\(org.postgresql.*not permitted to log in\)$/,
  );
});
