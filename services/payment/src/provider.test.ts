import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { textLengthMax } from '@sagamart/contracts/bounds';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import type { Terms } from './payment.ts';
import { createProvider, ProviderNonsense } from './provider.ts';

const orderId = newId<OrderId>();
const terms: Terms = {
  amountMinor: 2980,
  currency: 'EUR',
  paymentMethod: 'tok_visa',
  deadline: '2026-01-01T00:01:00.000Z',
};
const answer = { captureId: 'c1', status: 'captured', amountMinor: 2980, currency: 'EUR', reference: orderId };

/** A provider that gives every request this answer, and what it was asked. */
async function providerThat(t: TestContext, status: number, body: string, headers: Record<string, string> = {}) {
  const asked: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      asked.push({ request, body: text });
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    asked,
    url,
    provider: createProvider({ PSP_URL: url, PSP_API_KEY: 'a-key-of-the-merchant' }),
  };
}

test('a capture is asked for with one key per order, so that asking again cannot capture again', async (t) => {
  const { asked, provider } = await providerThat(t, 201, JSON.stringify(answer));
  assert.deepEqual(await provider.capture(orderId, terms), { outcome: 'captured', captureId: 'c1' });
  await provider.capture(orderId, terms);
  const keys = asked.map(({ request }) => request.headers['idempotency-key']);
  assert.deepEqual(keys, [`capture-${orderId}`, `capture-${orderId}`]);
  assert.equal(asked[0]?.request.headers.authorization, 'Bearer a-key-of-the-merchant');
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), {
    amountMinor: 2980,
    currency: 'EUR',
    paymentMethod: 'tok_visa',
    reference: orderId,
  });
});

test('a decline is a result', async (t) => {
  const { provider } = await providerThat(
    t,
    201,
    JSON.stringify({ ...answer, status: 'declined', declineReason: 'card_declined' }),
  );
  assert.deepEqual(await provider.capture(orderId, terms), { outcome: 'declined', declineReason: 'card_declined' });
});

test('a decline without a reason is a decline all the same', async (t) => {
  const { provider } = await providerThat(t, 201, JSON.stringify({ ...answer, status: 'declined' }));
  assert.deepEqual(await provider.capture(orderId, terms), { outcome: 'declined', declineReason: 'declined' });
});

test('a decline is believed however long its reason is, and what is kept of the reason can be kept', async (t) => {
  const declineReason = `\0${'r'.repeat(1_100_000)}`;
  const { provider } = await providerThat(t, 201, JSON.stringify({ ...answer, status: 'declined', declineReason }));
  const reply = await provider.capture(orderId, terms);
  assert.ok(reply.outcome === 'declined');
  assert.equal(reply.declineReason, `\uFFFD${'r'.repeat(textLengthMax.declineReason - 1)}`);
});

test('an id that could not be kept or said on is nonsense, and so is an answer without an end', async (t) => {
  const refundedOf = (refundId: string) => ({ ...answer, status: 'refunded', refundId });
  for (const id of ['', 'c'.repeat(256), 'c'.repeat(1_100_000), 'a\0b', '\uD83D']) {
    const { provider } = await providerThat(t, 201, JSON.stringify({ ...answer, captureId: id }));
    await assert.rejects(provider.capture(orderId, terms), ProviderNonsense, `capture ${id.slice(0, 9)}`);
    const refunds = await providerThat(t, 201, JSON.stringify(refundedOf(id)));
    await assert.rejects(refunds.provider.refund(orderId, terms, 'c1'), ProviderNonsense, `refund ${id.slice(0, 9)}`);
  }
  const { provider } = await providerThat(t, 201, ' '.repeat(5 * 1024 * 1024));
  await assert.rejects(provider.capture(orderId, terms), { name: 'ProviderNonsense', message: /longer than/ });
});

test('a void names the key of the capture it forbids, and tells what became of it', async (t) => {
  const forbidden = await providerThat(t, 200, JSON.stringify({ status: 'voided' }));
  assert.deepEqual(await forbidden.provider.void(orderId, terms), { outcome: 'voided' });
  assert.deepEqual(JSON.parse(forbidden.asked[0]?.body ?? ''), { captureKey: `capture-${orderId}` });
  const tooLate = await providerThat(t, 200, JSON.stringify(answer));
  assert.deepEqual(await tooLate.provider.void(orderId, terms), { outcome: 'captured', captureId: 'c1' });
});

test('a capture whose key was voided is told so', async (t) => {
  const { provider } = await providerThat(t, 201, JSON.stringify({ ...answer, captureId: null, status: 'voided' }));
  assert.deepEqual(await provider.capture(orderId, terms), { outcome: 'voided' });
});

test('a refund is asked for with one key per order, and names its capture', async (t) => {
  const { asked, provider } = await providerThat(
    t,
    201,
    JSON.stringify({ ...answer, refundId: 'r1', status: 'refunded' }),
  );
  assert.deepEqual(await provider.refund(orderId, terms, 'c1'), { outcome: 'refunded', refundId: 'r1' });
  assert.equal(asked[0]?.request.headers['idempotency-key'], `refund-${orderId}`);
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), {
    captureId: 'c1',
    amountMinor: 2980,
    currency: 'EUR',
    reference: orderId,
  });
});

test('a refund of another capture or amount than was asked for, or a void that found another amount, is no result', async (t) => {
  const other = await providerThat(t, 201, JSON.stringify({ ...answer, refundId: 'r1', status: 'refunded' }));
  await assert.rejects(other.provider.refund(orderId, terms, 'c2'), ProviderNonsense);
  const part = JSON.stringify({ ...answer, refundId: 'r1', status: 'refunded', amountMinor: 1 });
  await assert.rejects((await providerThat(t, 201, part)).provider.refund(orderId, terms, 'c1'), ProviderNonsense);
  const less = await providerThat(t, 200, JSON.stringify({ ...answer, amountMinor: 1 }));
  await assert.rejects(less.provider.void(orderId, terms), ProviderNonsense);
});

const inBooks = { ...answer, refunds: [{ refundId: 'r1', amountMinor: 2980, currency: 'EUR', reference: 'by hand' }] };

test('a refund is found in the books whoever asked for it; in parts, the one that completed it', async (t) => {
  const { asked, provider } = await providerThat(t, 200, JSON.stringify(inBooks));
  assert.deepEqual(await provider.findRefund(orderId, terms, 'c1'), { outcome: 'refunded', refundId: 'r1' });
  assert.deepEqual([asked[0]?.request.method, asked[0]?.request.url], ['GET', '/v1/captures/c1']);
  const parts = [1_000, 1_980].map((amountMinor, index) => ({ refundId: `p${index}`, amountMinor, currency: 'EUR' }));
  const inParts = await providerThat(t, 200, JSON.stringify({ ...inBooks, refunds: parts }));
  assert.deepEqual(await inParts.provider.findRefund(orderId, terms, 'c1'), { outcome: 'refunded', refundId: 'p1' });
});

for (const [what, status, body] of [
  ['nothing of it', 200, { ...inBooks, refunds: [] }],
  ['a part of it', 200, { ...inBooks, refunds: [{ refundId: 'r1', amountMinor: 1_000, currency: 'EUR' }] }],
  ['another currency of it', 200, { ...inBooks, refunds: [{ refundId: 'r1', amountMinor: 2980, currency: 'USD' }] }],
  ['another capture', 200, { ...inBooks, captureId: 'c2' }],
  ['the capture of another order', 200, { ...inBooks, reference: newId<OrderId>() }],
  ['a state nobody knows', 200, { ...inBooks, status: 'perhaps' }],
  ['no such capture', 404, { code: 'capture_not_found' }],
] as const) {
  test(`a refund is not found in books that have ${what}`, async (t) => {
    const { provider } = await providerThat(t, status, JSON.stringify(body));
    await assert.rejects(provider.findRefund(orderId, terms, 'c1'), ProviderNonsense);
  });
}

for (const status of [301, 307]) {
  test(`a provider that answers ${status} is not followed: what is asked is for its ears only`, async (t) => {
    const elsewhere = await providerThat(t, 201, JSON.stringify(answer));
    const { provider } = await providerThat(t, status, '', { location: elsewhere.url });
    await assert.rejects(provider.capture(orderId, terms), ProviderNonsense);
    assert.deepEqual(elsewhere.asked, []);
  });
}

const nonsense: [string, number, string][] = [
  ['another amount', 201, JSON.stringify({ ...answer, amountMinor: 1 })],
  ['another currency', 201, JSON.stringify({ ...answer, currency: 'USD' })],
  ['another order', 201, JSON.stringify({ ...answer, reference: newId<OrderId>() })],
  ['a status nobody knows', 201, JSON.stringify({ ...answer, status: 'perhaps' })],
  ['no capture id', 201, JSON.stringify({ ...answer, captureId: '' })],
  ['no JSON', 201, '<html>'],
  ['a success that is not 201', 200, JSON.stringify(answer)],
  ['a refusal of the request', 422, '{}'],
];
for (const [what, status, body] of nonsense) {
  test(`an answer that is ${what} makes no sense: the capture stays unknown`, async (t) => {
    const { provider } = await providerThat(t, status, body);
    await assert.rejects(provider.capture(orderId, terms), ProviderNonsense);
  });
}

const isNoNonsense = (error: unknown): boolean => error instanceof Error && !(error instanceof ProviderNonsense);

for (const status of [408, 425, 429, 500, 503]) {
  test(`a provider that answers ${status} has trouble of its own: that is no result, and no nonsense either`, async (t) => {
    const { provider } = await providerThat(t, status, JSON.stringify(answer));
    await assert.rejects(provider.capture(orderId, terms), isNoNonsense);
  });
}

test('a provider that cannot be reached is no result', async () => {
  const provider = createProvider({ PSP_URL: 'http://127.0.0.1:1', PSP_API_KEY: 'k' });
  await assert.rejects(provider.capture(orderId, terms), isNoNonsense);
});

test('a provider that takes a request and says nothing is given up', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const provider = createProvider({ PSP_URL: `http://127.0.0.1:${port}`, PSP_API_KEY: 'k' });
  await assert.rejects(provider.capture(orderId, terms), { name: 'TimeoutError' });
});
