import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { readMailRequest } from './mail-requests.ts';
import type { Asking, Words } from './operator-cli.ts';
import { readPaymentRequest } from './payment-requests.ts';
import { StackProblem } from './stack-problem.ts';

const orderId = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';
const reason = 'they say so';
const at = '2026-11-21T10:15:30.000Z';

/** A gateway that gives these answers, one by one, and what it was asked. */
async function ask(t: TestContext, asking: Asking, answers: { status: number; body: unknown }[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${text}`.trim());
      const answer = answers.shift();
      response.writeHead(answer?.status ?? 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer?.body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const gatewayUrl = `http://127.0.0.1:${address.port}`;
  return { asked, answer: await asking({ gatewayUrl, operatorSecret: 'secret' }, 'a-token') };
}

const settled = { orderId, status: 'refunded', settled: true };
const acted = { orderId, changed: 1, items: [{ outcome: 'confirmed', status: 'pending' }] };
const settle = `POST /v1/payments/${orderId}/settle`;
const mails = `POST /v1/notifications/${orderId}`;
const acts: [(words: Words) => Asking, string[], Words['options'], object, string][] = [
  [
    readPaymentRequest,
    ['settle', orderId],
    { refund: 'r1', reason },
    settled,
    `${settle} {"outcome":"refunded","refundId":"r1","reason":"${reason}"}`,
  ],
  [
    readPaymentRequest,
    ['settle', orderId],
    { capture: 'c1', reason },
    settled,
    `${settle} {"outcome":"captured","captureId":"c1","reason":"${reason}"}`,
  ],
  [
    readPaymentRequest,
    ['settle', orderId],
    { declined: 'no', reason },
    settled,
    `${settle} {"outcome":"declined","declineReason":"no","reason":"${reason}"}`,
  ],
  [
    readPaymentRequest,
    ['settle', orderId],
    { voided: true, reason },
    settled,
    `${settle} {"outcome":"voided","reason":"${reason}"}`,
  ],
  [readMailRequest, ['resend', orderId], { reason }, acted, `${mails}/resend {"reason":"${reason}"}`],
  [
    readMailRequest,
    ['resend', orderId, 'confirmed'],
    { to: 'a@b.example', reason },
    acted,
    `${mails}/resend {"outcome":"confirmed","to":"a@b.example","reason":"${reason}"}`,
  ],
  [
    readMailRequest,
    ['give-up', orderId, 'cancelled'],
    { reason },
    acted,
    `${mails}/give-up {"outcome":"cancelled","reason":"${reason}"}`,
  ],
];
for (const [read, words, options, body, call] of acts) {
  test(`${words.join(' ')} ${JSON.stringify(options)} asks the gateway for just that`, async (t) => {
    const { asked, answer } = await ask(t, read({ words, options }), [{ status: 200, body }]);
    assert.deepEqual(asked, [call]);
    assert.deepEqual(answer.body, body);
    assert.match(answer.text, new RegExp(`${orderId}.*(refunded: settled now|confirmed pending)`));
  });
}

for (const [read, words, options] of [
  [readPaymentRequest, ['sideways'], {}],
  [readPaymentRequest, ['list', orderId], {}],
  [readPaymentRequest, ['list'], { state: 'lost' }],
  [readPaymentRequest, ['settle'], { voided: true, reason }],
  [readPaymentRequest, ['settle', orderId], { reason }],
  [readPaymentRequest, ['settle', orderId], { voided: true }],
  [readPaymentRequest, ['settle', orderId], { voided: true, refund: 'r1', reason }],
  [readMailRequest, ['sideways', orderId], { reason }],
  [readMailRequest, ['list'], { state: 'lost' }],
  [readMailRequest, ['resend'], { reason }],
  [readMailRequest, ['resend', orderId], {}],
  [readMailRequest, ['resend', orderId, 'pending'], { reason }],
  [readMailRequest, ['give-up', orderId], { to: 'a@b.example', reason }],
] as const) {
  test(`${words.join(' ')} ${JSON.stringify(options)} is refused with what was expected`, () => {
    assert.throws(() => read({ words, options }), StackProblem);
  });
}

test('what waits is listed page by page, with the last answer; and what was settled, with who and why', async (t) => {
  const payment = { orderId, status: 'refunding', amountMinor: 2980, currency: 'EUR', captureId: 'c1', owedSince: at };
  const waiting = { ...payment, attempts: 7, askAt: at, lastAnswer: '409: refunded already' };
  const pages = [
    { items: [waiting], nextCursor: orderId },
    { items: [waiting], nextCursor: null },
  ];
  const answers = pages.map((body) => ({ status: 200, body }));
  const { asked, answer } = await ask(t, readPaymentRequest({ words: [], options: {} }), answers);
  const first = 'GET /v1/payments?state=waiting&limit=100';
  assert.deepEqual(asked, [first, `${first}&cursor=${orderId}`]);
  assert.match(
    answer.text,
    /refunding since .*\n {2}29\.80 EUR, capture c1; asked 7 times, .*\n {2}409: refunded already/,
  );

  const mail = { orderId, outcome: 'confirmed', status: 'pending', email: 'ada@example.com', attempts: 3 };
  const untold = { ...mail, failingSince: at, nextAttemptAt: at, lastAnswer: '550 5.7.1 no' };
  const listed = { status: 200, body: { items: [untold], nextCursor: null } };
  const mailsListed = await ask(t, readMailRequest({ words: ['list'], options: {} }), [listed]);
  assert.match(mailsListed.answer.text, /confirmed: pending, failing since .*\n {2}to ada@example\.com; tried 3 times/);
  const none = { status: 200, body: { items: [], nextCursor: null } };
  const nothing = await ask(t, readPaymentRequest({ words: ['list'], options: { state: 'settled' } }), [none]);
  assert.equal(nothing.answer.text, 'No payment was settled by hand.');
});

test('a refusal of the gateway is told with its code and what was expected', async (t) => {
  const refusal = { status: 409, body: { code: 'does_not_follow', detail: 'This payment is refunded.' } };
  const asking = readPaymentRequest({ words: ['settle', orderId], options: { voided: true, reason } });
  await assert.rejects(ask(t, asking, [refusal]), /409 does_not_follow: This payment is refunded\./);
});
