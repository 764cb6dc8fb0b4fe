import { createLogger } from '@sagamart/telemetry/logger';
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createProcessCounts, createRequestCounter } from './request-counter.ts';
import { fakeService, openDoor } from './test-door.ts';

const products = () => ({ status: 200, body: { items: [], nextCursor: null } });
const order = { lines: [{ sku: 'MUG-BLUE', quantity: 1 }], paymentMethod: 'tok_visa' };

test('an address beyond its limit is refused with 429, Retry-After and the RateLimit headers; another address is not', async (t) => {
  const inventory = await fakeService(t, products);
  const { app } = await openDoor(t, { inventory: inventory.url, env: { RATE_LIMIT_ADDRESS_PER_SECOND: '2' } });
  const read = (remoteAddress: string) => app.inject({ url: '/v1/products', remoteAddress });
  const answers = [await read('10.0.0.1'), await read('10.0.0.1'), await read('10.0.0.1')];
  assert.deepEqual(
    answers.map((answer) => answer.statusCode),
    [200, 200, 429],
  );
  assert.equal(answers[0]?.headers['ratelimit-policy'], '"address";q=2;w=1');
  assert.equal(answers[0]?.headers['ratelimit'], '"address";r=1;t=1');
  assert.equal(answers[2]?.headers['ratelimit'], '"address";r=0;t=1');
  assert.equal(answers[2]?.headers['retry-after'], '1');
  assert.equal(answers[2]?.headers['content-type'], 'application/problem+json; charset=utf-8');
  assert.equal(answers[2]?.json<{ code: string }>().code, 'too_many_requests');
  assert.equal((await read('10.0.0.2')).statusCode, 200);
});

test('a customer beyond the limit of orders is refused, and others at the same address go on', async (t) => {
  const orders = await fakeService(t, () => ({ status: 202, body: {} }));
  const { app, customer } = await openDoor(t, { order: orders.url, env: { RATE_LIMIT_CUSTOMER_PER_SECOND: '1' } });
  const [one, other] = [await customer(), await customer()];
  const place = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/v1/orders', payload: order, headers });
  const first = await place(one);
  assert.equal(first.headers['ratelimit-policy'], '"address";q=1000;w=1, "customer";q=1;w=1');
  assert.deepEqual([first.statusCode, (await place(one)).statusCode, (await place(other)).statusCode], [202, 429, 202]);
});

test('sessions are limited by address', async (t) => {
  const { app } = await openDoor(t, { env: { RATE_LIMIT_SESSIONS_PER_MINUTE: '1' } });
  const open = () => app.inject({ method: 'POST', url: '/v1/sessions', payload: {} });
  assert.equal((await open()).statusCode, 201);
  const refused = await open();
  assert.equal(refused.statusCode, 429);
  assert.ok(Number(refused.headers['retry-after']) > 50);
});

test('X-Forwarded-For counts only when it comes from a configured proxy', async (t) => {
  const inventory = await fakeService(t, products);
  const env = { RATE_LIMIT_ADDRESS_PER_SECOND: '1' };
  const plain = await openDoor(t, { inventory: inventory.url, env });
  const behindProxy = await openDoor(t, { inventory: inventory.url, env: { ...env, TRUSTED_PROXIES: '10.0.0.0/8' } });
  const statuses = async ({ app }: typeof plain, remoteAddress: string) => {
    const codes = [];
    for (const client of ['203.0.113.1', '203.0.113.2']) {
      const headers = { 'x-forwarded-for': client };
      codes.push((await app.inject({ url: '/v1/products', remoteAddress, headers })).statusCode);
    }
    return codes;
  };
  assert.deepEqual(await statuses(plain, '10.0.0.1'), [200, 429]);
  assert.deepEqual(await statuses(behindProxy, '10.0.0.1'), [200, 200]);
  assert.deepEqual(await statuses(behindProxy, '192.0.2.1'), [200, 429]);
});

const garbage = (index: number): string[] => [
  `203.0.113.9:${10_000 + index}`,
  `198.51.100.${index}, 203.0.113.9:${10_000 + index}`,
  `203.0.113.9 `,
  `::ffff:203.0.113.9`,
  `[::ffff:203.0.113.9]:${index}`,
];

test('a caller behind a proxy that names its port, or anything else beside its address, is one caller', async (t) => {
  const inventory = await fakeService(t, products);
  const env = { RATE_LIMIT_ADDRESS_PER_SECOND: '3', TRUSTED_PROXIES: '10.0.0.0/8' };
  const { app } = await openDoor(t, { inventory: inventory.url, env });
  const codes = [];
  for (const forwarded of [...garbage(1), ...garbage(2)]) {
    const headers = { 'x-forwarded-for': forwarded };
    codes.push((await app.inject({ url: '/v1/products', remoteAddress: '10.0.0.1', headers })).statusCode);
  }
  assert.deepEqual(codes, [200, 200, 200, ...Array<number>(7).fill(429)]);
});

test('what is no address is counted as its proxy’s, and the addresses of one IPv6 network are counted together', async (t) => {
  const inventory = await fakeService(t, products);
  const env = { RATE_LIMIT_ADDRESS_PER_SECOND: '3', TRUSTED_PROXIES: '10.0.0.0/8' };
  const { app } = await openDoor(t, { inventory: inventory.url, env });
  const codesFor = async (names: readonly string[]) => {
    const codes = [];
    for (const forwarded of names)
      codes.push(
        (
          await app.inject({
            url: '/v1/products',
            remoteAddress: '10.0.0.1',
            headers: { 'x-forwarded-for': forwarded },
          })
        ).statusCode,
      );
    return codes;
  };
  assert.deepEqual(await codesFor(['unknown', '_hidden', 'x81', 'x82', '203.0.113.010']), [200, 200, 200, 429, 429]);
  const ofOneNetwork = ['2001:db8:0:1::1', '[2001:db8:0:1::2]:80', '2001:DB8:0:1:ffff::', '2001:db8:0:1::3%eth0'];
  assert.deepEqual(await codesFor([...ofOneNetwork, '2001:db8:0:2::1']), [200, 200, 200, 429, 200]);
});

test('the operator’s secret is guessed by no more tries for being tried through a proxy, or from many addresses', async (t) => {
  const env = { RATE_LIMIT_SESSIONS_PER_MINUTE: '2', TRUSTED_PROXIES: '10.0.0.0/8' };
  const { app } = await openDoor(t, { env });
  const guess = async (forwarded: string, name = 'ada') =>
    (
      await app.inject({
        method: 'POST',
        url: '/v1/sessions',
        remoteAddress: '10.0.0.1',
        payload: { role: 'operator', name, secret: `guess-${forwarded}` },
        headers: { 'x-forwarded-for': forwarded },
      })
    ).statusCode;
  assert.deepEqual(
    [await guess('203.0.113.9:1', 'a'), await guess('203.0.113.9:2', 'b'), await guess('203.0.113.9:3', 'c')],
    [401, 401, 429],
  );
  assert.deepEqual(
    [await guess('198.51.100.1'), await guess('198.51.100.2'), await guess('198.51.100.3')],
    [401, 401, 429],
  );
});

const logger = createLogger({ service: 'gateway', level: 'silent' });

// 100 requests at 0.2 s each.
const waitedForRedisMs = 20_000;

test('with Redis down requests go on quickly, counted in the process', async (t) => {
  const counter = createRequestCounter('redis://127.0.0.1:1', logger);
  t.after(() => counter.close());
  const startedAtMs = performance.now();
  for (let i = 1; i <= 100; i++) assert.equal((await counter.count('k', 60_000)).current, i);
  assert.ok(performance.now() - startedAtMs < waitedForRedisMs / 4);
});

test('Redis counts while it answers; hanging, it costs one request 0.2 s and the next nothing; back, it counts again', async (t) => {
  const redis = await fakeRedis(t);
  const counter = createRequestCounter(redis.url, logger);
  t.after(() => counter.close());
  const fromRedis = { current: 999_041, ttl: 500 };
  await until(async () => (await counter.count('k', 60_000)).current === fromRedis.current);
  assert.deepEqual(await counter.count('k', 60_000), fromRedis);
  redis.pause();
  const startedAtMs = performance.now();
  for (let i = 0; i < 100; i++) assert.notDeepEqual(await counter.count('k', 60_000), fromRedis);
  const tookMs = performance.now() - startedAtMs;
  assert.ok(tookMs > 150 && tookMs < waitedForRedisMs / 4, `${tookMs} ms`);
  redis.resume();
  await until(async () => (await counter.count('k', 60_000)).current === fromRedis.current);
});

test('a window of the process ends, and the oldest key is forgotten first when there are too many', () => {
  let nowMs = 0;
  const counts = createProcessCounts(() => nowMs);
  assert.deepEqual(
    [counts.count('a', 1_000), counts.count('a', 1_000)],
    [
      { current: 1, ttl: 1_000 },
      { current: 2, ttl: 1_000 },
    ],
  );
  nowMs = 1_000;
  assert.deepEqual(counts.count('a', 1_000), { current: 1, ttl: 1_000 });
  for (let i = 0; i < 100_000; i++) counts.count(`b${i}`, 1_000);
  assert.equal(counts.count('a', 1_000).current, 1);
  assert.equal(counts.count('b99999', 1_000).current, 2);
});

/** Speaks just enough RESP3 for ioredis to be ready, and answers every script with 999,041 requests and 500 ms left; paused, it answers later. */
async function fakeRedis(t: TestContext) {
  const sockets = new Set<Socket>();
  let isPaused = false;
  let answerLater: (() => void)[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const [, name = ''] of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        const answer = () => socket.write(answersOfRedis[name.toLowerCase()] ?? '+OK\r\n');
        if (isPaused) answerLater.push(answer);
        else answer();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `redis://127.0.0.1:${address.port}`,
    pause: () => (isPaused = true),
    resume: () => {
      isPaused = false;
      for (const answer of answerLater) answer();
      answerLater = [];
    },
  };
}

const answersOfRedis: Record<string, string> = {
  info: '$17\r\nredis_version:7.0\r\n',
  eval: '*2\r\n:999041\r\n:500\r\n',
};

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const endAtMs = performance.now() + 15_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < endAtMs, 'not within 15 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
