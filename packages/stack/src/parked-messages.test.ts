import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { askAboutParked, formatParked, readParkedRequest, type ListedMessage } from './parked-messages.ts';
import { StackProblem } from './stack-problem.ts';

const id = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';
const message: ListedMessage = {
  ...{ id, service: 'payment', topic: 'order.events', key: 'k-1', type: 'order.placed', reason: 'invalid_data' },
  ...{ error: 'no JSON', attempts: 2, parkedAt: '2026-11-21T10:15:30.000Z', status: 'parked', waitingBehind: 3 },
  acts: [{ act: 'replay', operator: 'ada', reason: null, outcome: 'parked', actedAt: '2026-11-21T10:16:00.000Z' }],
};

const commands: [string[], { reason?: string; status?: string }, ReturnType<typeof readParkedRequest>][] = [
  [[], {}, { kind: 'list', status: 'parked' }],
  [['list'], { status: 'discarded' }, { kind: 'list', status: 'discarded' }],
  [['show', id], {}, { kind: 'show', id }],
  [['replay', id], {}, { kind: 'replay', id }],
  [['discard', id], { reason: 'a forgery' }, { kind: 'discard', id, reason: 'a forgery' }],
  [['release', 'order'], { reason: 'a bug' }, { kind: 'release', service: 'order', reason: 'a bug' }],
];
for (const [words, options, expected] of commands) {
  test(`parked ${words.join(' ')} ${JSON.stringify(options)} is understood`, () => {
    assert.deepEqual(readParkedRequest(words, options), expected);
  });
}

for (const [words, options] of [
  [['sideways'], {}],
  [['list', id], {}],
  [['list'], { status: 'lost' }],
  [['show'], {}],
  [['replay'], {}],
  [['discard'], { reason: 'why' }],
  [['discard', id], {}],
  [['release', 'order'], {}],
  [['release'], { reason: 'why' }],
  [['replay', id, id], {}],
] as const) {
  test(`parked ${words.join(' ')} ${JSON.stringify(options)} is refused with what was expected`, () => {
    assert.throws(() => readParkedRequest(words, options), StackProblem);
  });
}

/** A gateway that gives a token and then these answers, one by one. */
async function gateway(t: TestContext, answers: { status: number; body: unknown }[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''} ${text}`.trim());
      const answer = request.url === '/v1/sessions' ? { status: 201, body: { token: 't' } } : answers.shift();
      response.writeHead(answer?.status ?? 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer?.body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { shop: { gatewayUrl: `http://127.0.0.1:${address.port}`, operatorSecret: 's' }, asked };
}

test('all pages are listed as one, with the services that are silent', async (t) => {
  const second = { ...message, id: id.replace(/1$/, '0') };
  const { shop, asked } = await gateway(t, [
    { status: 200, body: { items: [message], nextCursor: id, unavailable: [] } },
    { status: 200, body: { items: [second], nextCursor: null, unavailable: ['order'] } },
  ]);
  const answer = await askAboutParked(shop, 'ada', { kind: 'list', status: 'parked' });
  assert.deepEqual(asked.slice(1), [
    'GET /v1/parked-messages?status=parked&limit=100 Bearer t',
    `GET /v1/parked-messages?status=parked&limit=100&cursor=${id} Bearer t`,
  ]);
  assert.match(asked[0] ?? '', /"name":"ada"/);
  const text = formatParked(answer);
  assert.match(text, /order\.placed of order\.events, key k-1\n {2}invalid_data \(2 attempts\): no JSON/);
  assert.match(text, /3 waiting behind it\n.* replay by ada: parked\n/);
  assert.match(text, /order does not answer/);
});

test('a discard carries its reason, and its answer says who is first in line now', async (t) => {
  const next = { id: 'n', reason: 'unreachable', error: 'no', waitingBehind: 2 };
  const body = { service: 'payment', id, status: 'discarded', handledBehind: 1, next };
  const { shop, asked } = await gateway(t, [{ status: 200, body }]);
  const answer = await askAboutParked(shop, 'ada', { kind: 'discard', id, reason: 'a forgery' });
  assert.equal(asked[1], `POST /v1/parked-messages/${id}/discard Bearer t {"reason":"a forgery"}`);
  assert.match(formatParked(answer), /discarded at payment, and 1 handled .*\nFirst in line now: n, 2 behind it/);
});

test('a release names the service, and its answer says what is parked from now on', async (t) => {
  const { shop, asked } = await gateway(t, [{ status: 200, body: { service: 'order', released: 'TypeError: x' } }]);
  const answer = await askAboutParked(shop, 'ada', { kind: 'release', service: 'order', reason: 'a bug' });
  assert.equal(asked[1], 'POST /v1/services/order/pause/release Bearer t {"reason":"a bug"}');
  assert.match(formatParked(answer), /order parks for ten minutes .* TypeError: x/);
});

test("the gateway's refusal is told with its code and its fields", async (t) => {
  const problem = {
    code: 'invalid_request',
    detail: 'Wrong shape.',
    errors: [{ pointer: '/reason', detail: 'is required' }],
  };
  const { shop } = await gateway(t, [{ status: 400, body: problem }]);
  await assert.rejects(askAboutParked(shop, 'ada', { kind: 'replay', id: 'x/y' }), {
    code: 'invalid_request',
    message: '400 invalid_request: Wrong shape. /reason is required.',
  });
});
