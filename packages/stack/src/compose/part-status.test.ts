import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from './docker.ts';
import { judgeShop } from './part-status.ts';

const now = new Date('2026-11-21T12:00:00Z');
const needed =
  'order-db inventory-db payment-db notification-db kafka connect connector-watch redis mail psp order inventory payment notification gateway';

function containerOf(service: string, change: Partial<Container> = {}): Container {
  return {
    name: `sagamart-${service}-1`,
    service,
    isOneOff: false,
    status: 'running',
    health: { status: 'healthy', isFailing: false, said: '{"status":"ready"}' },
    pid: 4711,
    exitCode: 0,
    isOutOfMemory: false,
    createdAt: '2026-11-21T10:00:00Z',
    startedAt: '2026-11-21T11:00:00Z',
    finishedAt: '0001-01-01T00:00:00Z',
    publishedPorts: [],
    composeArgs: [],
    ...change,
  };
}

function shopWith(service: string, change: Partial<Container>) {
  const containers = needed.split(' ').map((name) => containerOf(name, name === service ? change : {}));
  const { state, parts } = judgeShop(containers, now);
  const part = parts.find(({ name }) => name === service);
  return { shop: state, part: part?.state, detail: part?.detail, since: part?.since };
}

test('a shop whose containers are all healthy runs, with Jaeger and without', () => {
  assert.equal(shopWith('order', {}).shop, 'running');
  const withJaeger = [...needed.split(' '), 'jaeger'].map((name) => containerOf(name));
  assert.equal(judgeShop(withJaeger, now).parts.at(-1)?.name, 'jaeger');
});

const cases: { what: string; change: Partial<Container>; part: string; shop: string; detail?: string }[] = [
  { what: 'was stopped', change: { status: 'exited' }, part: 'stopped', shop: 'degraded' },
  { what: 'was paused', change: { status: 'paused' }, part: 'paused', shop: 'degraded' },
  {
    what: 'crashed and will be back',
    change: { status: 'restarting', exitCode: 137 },
    part: 'restarting',
    shop: 'degraded',
    detail: 'ended with exit code 137',
  },
  {
    what: 'took more memory than it may',
    change: { status: 'exited', exitCode: 137, isOutOfMemory: true },
    part: 'stopped',
    shop: 'degraded',
    detail: 'it used more memory than its limit',
  },
  {
    what: 'is not ready yet',
    change: { health: { status: 'starting', isFailing: true, said: 'connect ECONNREFUSED' } },
    part: 'starting',
    shop: 'starting',
    detail: 'connect ECONNREFUSED',
  },
  {
    what: 'raises the alarm',
    change: {
      health: {
        status: 'unhealthy',
        isFailing: true,
        said: '{"status":503,"errors":[{"pointer":"connectors","detail":"nobody reads the slot"}]}',
      },
    },
    part: 'unhealthy',
    shop: 'degraded',
    detail: 'nobody reads the slot',
  },
  {
    what: 'did not answer the last look, which Docker does not believe yet,',
    change: { health: { status: 'healthy', isFailing: true, said: 'Health check exceeded timeout (10s)' } },
    part: 'unhealthy',
    shop: 'degraded',
    detail: 'Health check exceeded timeout (10s)',
  },
  {
    what: 'works, but somebody has to look',
    change: {
      health: {
        status: 'healthy',
        isFailing: false,
        said: '{"status":"ready","alarms":["the provider answered nonsense"]}',
      },
    },
    part: 'running',
    shop: 'running',
    detail: 'the provider answered nonsense',
  },
];

for (const { what, change, part, shop, detail } of cases) {
  test(`a part that ${what} is shown as it is`, () => {
    const seen = shopWith('order', change);
    assert.deepEqual([seen.part, seen.shop, seen.detail], [part, shop, detail]);
  });
}

test('a part without a container is stopped, and one that a tool runs in is no part', () => {
  const containers = needed
    .split(' ')
    .filter((name) => name !== 'payment')
    .map((name) => containerOf(name));
  const { state, parts } = judgeShop([...containers, containerOf('payment', { isOneOff: true })], now);
  assert.equal(state, 'degraded');
  assert.equal(parts.find(({ name }) => name === 'payment')?.state, 'stopped');
});

test('a project without containers, or with stopped ones only, does not run', () => {
  assert.deepEqual(judgeShop([], now), { state: 'stopped', target: 'compose', parts: [] });
  const stopped = needed.split(' ').map((name) => containerOf(name, { status: 'exited' }));
  assert.equal(judgeShop(stopped, now).state, 'stopped');
});

test('a part is told since when it is up, down or waits, a published one where it is reached', () => {
  const finishedAt = '2026-11-21T11:59:00Z';
  assert.equal(shopWith('order', { status: 'exited', finishedAt }).since, finishedAt);
  assert.equal(shopWith('order', { status: 'created' }).since, '2026-11-21T10:00:00Z');
  assert.equal(shopWith('order', {}).since, '2026-11-21T11:00:00Z');
  const [gateway] = judgeShop([containerOf('gateway', { publishedPorts: [18080] })], now).parts.filter(
    ({ name }) => name === 'gateway',
  );
  assert.equal(gateway?.url, 'http://127.0.0.1:18080');
});

test('what the watch sees of a part that runs goes before what Docker says of it, and not of one that is down', () => {
  const since = '2026-11-21T11:58:00Z';
  const sights = {
    connect: { state: 'unhealthy', words: ['order-outbox FAILED 7 times'], since },
    order: { state: 'running', words: ['parked messages: 3'], since },
    payment: { state: 'unhealthy', words: ['does not answer'], since },
  } as const;
  const containers = needed
    .split(' ')
    .map((name) => containerOf(name, name === 'payment' ? { status: 'exited', exitCode: 0 } : {}));
  const { state, parts } = judgeShop(containers, now, sights);
  const seen = Object.fromEntries(parts.map((part) => [part.name, [part.state, part.detail, part.since]]));
  assert.equal(state, 'degraded');
  assert.deepEqual(seen.connect, ['unhealthy', 'order-outbox FAILED 7 times', since]);
  assert.deepEqual(seen.order, ['running', 'parked messages: 3', '2026-11-21T11:00:00Z']);
  assert.deepEqual(seen.payment?.slice(0, 2), ['stopped', undefined]);
});
