import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tailOfLog } from './part-log.ts';
import { readProcess, treeOf } from './process-table.ts';
import { forever, pidOf, shellPart, superviseInTest, until } from './stack-test-kit.ts';

test('a part that dies is started again', async (t) => {
  const { supervisor } = superviseInTest(t, [shellPart('order', forever)]);
  await supervisor.start();
  const first = pidOf(supervisor, 'order');
  process.kill(first, 'SIGKILL');
  await until('order has a new process', () => {
    const { pid, state } = supervisor.runner('order').status();
    return state === 'running' && pid !== undefined && pid !== first;
  });
});

test('a part killed with --leave stays down and the shop says it is degraded', async (t) => {
  const { supervisor } = superviseInTest(t, [shellPart('order', forever), shellPart('payment', forever)]);
  await supervisor.start();
  await supervisor.runner('order').kill({ leave: true });
  assert.equal(supervisor.runner('order').status().state, 'stopped');
  assert.equal(supervisor.status().state, 'degraded');
  supervisor.runner('order').start({ inOrder: false });
  await until('the shop runs again', () => supervisor.status().state === 'running');
});

test('a stopped part stays down until it is started', async (t) => {
  const { supervisor } = superviseInTest(t, [shellPart('order', forever)]);
  await supervisor.start();
  const pid = pidOf(supervisor, 'order');
  await supervisor.runner('order').stop();
  assert.equal(readProcess(pid), undefined);
  assert.deepEqual(supervisor.runner('order').status().pid, undefined);
});

test('a killed part takes everything it started with it, also what left its group', async (t) => {
  const { supervisor } = superviseInTest(t, [shellPart('order', 'setsid sleep 600 & sleep 600 & wait')]);
  await supervisor.start();
  await until('three processes run', () => treeOf(pidOf(supervisor, 'order')).length === 3);
  const tree = treeOf(pidOf(supervisor, 'order'));
  await supervisor.runner('order').kill({ leave: true });
  await until('all are gone', () => tree.every((pid) => [undefined, 'Z'].includes(readProcess(pid)?.state)));
});

test('a paused part stands still, a resumed one runs, and a paused one can be stopped', async (t) => {
  const endings: boolean[] = [];
  const { supervisor } = superviseInTest(t, [
    shellPart('order', forever, { ended: (well) => void endings.push(well) }),
  ]);
  await supervisor.start();
  const pid = pidOf(supervisor, 'order');
  supervisor.runner('order').pause();
  await until('the process stands still', () => readProcess(pid)?.state === 'T');
  assert.equal(supervisor.runner('order').status().state, 'paused');
  supervisor.runner('order').resume();
  await until('the process runs', () => readProcess(pid)?.state === 'S');
  supervisor.runner('order').pause();
  await supervisor.runner('order').stop();
  assert.deepEqual(endings, [true], 'it heard that it was to end, and was not killed');
  assert.equal(readProcess(pid), undefined);
});

test('parts start after what they need and stop before it', async (t) => {
  const said: string[] = [];
  const part = (name: string, after: string[]) =>
    shellPart(name, forever, {
      after,
      settle: async () => void said.push(`${name} up`),
      ended: () => void said.push(`${name} down`),
    });
  const { supervisor } = superviseInTest(t, [
    part('gateway', ['order']),
    part('order', ['order-db']),
    part('order-db', []),
  ]);
  await supervisor.start();
  await supervisor.stop();
  assert.deepEqual(said, ['order-db up', 'order up', 'gateway up', 'gateway down', 'order down', 'order-db down']);
});

test('a part that cannot start ends the start with the end of its log', async (t) => {
  const { supervisor } = superviseInTest(t, [
    shellPart('order', 'echo DATABASE_URL is missing; exit 3', { probe: () => Promise.reject(new Error('refused')) }),
    shellPart('payment', forever, { after: ['order'] }),
  ]);
  await assert.rejects(
    supervisor.start(),
    /order ended 3 times in a row \(ended with exit code 3\)[\s\S]*DATABASE_URL is missing/,
  );
});

test('a part that does not end when asked is killed', async (t) => {
  const { supervisor, home } = superviseInTest(t, [
    shellPart('order', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done', { stopWithinMs: 200 }),
  ]);
  await supervisor.start();
  await until('it does not hear', () => tailOfLog(home, 'order', 1) === 'deaf');
  const pid = pidOf(supervisor, 'order');
  await supervisor.stop();
  assert.equal(readProcess(pid), undefined);
});

test('a stop in the middle of a start leaves no process and no record', async (t) => {
  const { supervisor, home } = superviseInTest(t, [
    shellPart('order-db', forever, { probe: () => Promise.reject(new Error('not yet')) }),
    shellPart('order', forever, { after: ['order-db'] }),
  ]);
  const started = supervisor.start();
  await until('order-db has a process', () => supervisor.runner('order-db').status().pid !== undefined);
  const pid = pidOf(supervisor, 'order-db');
  await Promise.all([supervisor.stop(), assert.rejects(started, { code: 'stopped' })]);
  assert.equal(readProcess(pid), undefined);
  assert.deepEqual(readdirSync(join(home, 'run')), []);
});

test('a part told to stop and to start at the same moment has one process, and then none', async (t) => {
  let ended = 0;
  const { supervisor } = superviseInTest(t, [shellPart('order', forever, { ended: () => void (ended += 1) })]);
  await supervisor.start();
  const runner = supervisor.runner('order');
  await Promise.all([runner.stop(), supervisor.startPart('order')]);
  assert.equal(runner.status().state, 'running');
  await runner.stop();
  assert.equal(ended, 2);
});

test('whoever waits for a part is told when it is stopped, and nothing is started in a shop that closes', async (t) => {
  const { supervisor } = superviseInTest(t, [
    shellPart('order', forever, { probe: () => Promise.reject(new Error('not yet')) }),
  ]);
  const waits = assert.rejects(supervisor.startPart('order'), { code: 'stopped', message: /order was stopped/ });
  await until('order has a process', () => supervisor.runner('order').status().pid !== undefined);
  await supervisor.runner('order').stop();
  await waits;
  await supervisor.stop();
  await assert.rejects(supervisor.startPart('order'), { code: 'stopping' });
});

test('a part that never answers what is asked of it can be stopped', { timeout: 10_000 }, async (t) => {
  const { supervisor } = superviseInTest(t, [
    shellPart('order-db', forever, { settle: () => Promise.withResolvers<void>().promise }),
  ]);
  const started = assert.rejects(supervisor.start(), { code: 'stopped' });
  await until('order-db has a process', () => supervisor.runner('order-db').status().pid !== undefined);
  await supervisor.stop();
  await started;
});

test(
  'a part that is restarted and does not become ready ends the wait at its limit, with the reason and what to do',
  { timeout: 20_000 },
  async (t) => {
    let isReady = true;
    const probe = async () => {
      if (!isReady) throw new Error('/readyz answers 503: no fetch from Kafka for 15 s');
    };
    const { supervisor } = superviseInTest(t, [shellPart('inventory', forever, { probe, readyWithinMs: 60_000 })]);
    await supervisor.start();
    isReady = false;
    await assert.rejects(supervisor.actOnPart('inventory', 'restart', { leave: false, withinMs: 2_500 }), {
      code: 'not_in_time',
      message:
        /^inventory was to restart within 2.5 s .*inventory: starting \(.*no fetch from Kafka for 15 s\).*npm run stack -- logs inventory/,
    });
    assert.equal(supervisor.runner('inventory').status().state, 'starting');
    isReady = true;
    await supervisor.actOnPart('inventory', 'start', { leave: false, withinMs: 5_000 });
  },
);

test('a part that does not stop in time ends the wait for it', { timeout: 20_000 }, async (t) => {
  const { supervisor, home } = superviseInTest(t, [
    shellPart('order', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done', { stopWithinMs: 1_500 }),
  ]);
  await supervisor.start();
  await until('it does not hear', () => tailOfLog(home, 'order', 1) === 'deaf');
  await assert.rejects(supervisor.actOnPart('order', 'stop', { leave: false, withinMs: 200 }), {
    code: 'not_in_time',
    message: /order: stopping/,
  });
});
