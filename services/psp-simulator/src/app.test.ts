import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { createLogger } from '@sagamart/telemetry/logger';
import { buildApp } from './app.ts';
import { createBadDays } from './bad-days.ts';
import { openLedger } from './ledger.ts';

const apiKey = 'the-key-of-this-test';

function freshApp(t: TestContext): HttpApp {
  const folder = mkdtempSync(join(tmpdir(), 'psp-app-'));
  const ledger = openLedger(join(folder, 'ledger.sqlite'));
  let count = 0;
  const app = buildApp({
    logger: createLogger({ service: 'psp-simulator', level: 'silent' }),
    ledger,
    apiKey,
    now: () => new Date('2026-11-21T10:00:00.000Z'),
    newCaptureId: () => `cap_${(count += 1)}`,
    newRefundId: () => `ref_${(count += 1)}`,
    badDays: createBadDays(() => 0.5),
    slowAnswerMs: 1,
  });
  t.after(async () => {
    await app.close();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return app;
}

const body = { amountMinor: 2980, currency: 'EUR', paymentMethod: 'tok_visa', reference: 'order-1' };

type Sent = { payload?: unknown; headers?: Record<string, string | undefined> };

async function capture(
  app: HttpApp,
  { payload = body, headers = {} }: Sent = {},
): Promise<{ status: number; text: string; json: Record<string, unknown> }> {
  const all = {
    authorization: `Bearer ${apiKey}`,
    'idempotency-key': 'capture-1',
    'content-type': 'application/json',
    ...headers,
  };
  const response = await app.inject({
    method: 'POST',
    url: '/v1/captures',
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
  return { status: response.statusCode, text: response.body, json: response.json() };
}

async function ledgerOf(
  app: HttpApp,
  query = '',
): Promise<{ items: Record<string, unknown>[]; nextAfter: number | null }> {
  const response = await app.inject({ url: `/v1/ledger${query}`, headers: { authorization: `Bearer ${apiKey}` } });
  assert.equal(response.statusCode, 200);
  return response.json();
}

test('a capture is answered and stands in the ledger', async (t) => {
  const app = freshApp(t);
  const { status, json } = await capture(app);
  assert.equal(status, 201);
  assert.deepEqual(json, {
    captureId: 'cap_1',
    status: 'captured',
    amountMinor: 2980,
    currency: 'EUR',
    reference: 'order-1',
  });
  assert.deepEqual(await ledgerOf(app), {
    items: [
      {
        sequence: 1,
        kind: 'capture',
        key: 'capture-1',
        captureId: 'cap_1',
        refundId: null,
        amountMinor: 2980,
        currency: 'EUR',
        reference: 'order-1',
        createdAt: '2026-11-21T10:00:00.000Z',
      },
    ],
    nextAfter: null,
  });
});

test('a decline is an answer like any other, with its reason', async (t) => {
  const { status, json } = await capture(freshApp(t), { payload: { ...body, paymentMethod: 'tok_declined' } });
  assert.equal(status, 201);
  assert.equal(json['status'], 'declined');
  assert.equal(json['declineReason'], 'card_declined');
});

test('the same key and request get the same bytes, however the request was spelled', async (t) => {
  const app = freshApp(t);
  const first = await capture(app);
  const again = await capture(app, {
    payload: '{ "reference": "order-1", "paymentMethod": "tok_visa", "currency": "EUR", "amountMinor": 2980.0 }',
  });
  assert.equal(again.status, 201);
  assert.equal(again.text, first.text);
  assert.equal((await ledgerOf(app)).items.length, 1);
});

test('twenty at once with one key are one row and one answer', async (t) => {
  const app = freshApp(t);
  const answers = await Promise.all(Array.from({ length: 20 }, () => capture(app)));
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  assert.equal((await ledgerOf(app)).items.length, 1);
});

test('the same key with another request is refused', async (t) => {
  const app = freshApp(t);
  await capture(app);
  const { status, json } = await capture(app, { payload: { ...body, amountMinor: 1 } });
  assert.equal(status, 422);
  assert.equal(json['code'], 'idempotency_key_reused');
});

const refused: { title: string; sent: Sent; status: number; code: string; pointer?: string }[] = [
  { title: 'no merchant key', sent: { headers: { authorization: undefined } }, status: 401, code: 'unauthorized' },
  {
    title: 'a wrong merchant key',
    sent: { headers: { authorization: 'Bearer wrong' } },
    status: 401,
    code: 'unauthorized',
  },
  {
    title: 'no Idempotency-Key',
    sent: { headers: { 'idempotency-key': undefined } },
    status: 400,
    code: 'idempotency_key_missing',
  },
  {
    title: 'an Idempotency-Key of 256 characters',
    sent: { headers: { 'idempotency-key': 'k'.repeat(256) } },
    status: 400,
    code: 'idempotency_key_invalid',
  },
  {
    title: 'an amount of zero',
    sent: { payload: { ...body, amountMinor: 0 } },
    status: 400,
    code: 'invalid_request',
    pointer: '/amountMinor',
  },
  {
    title: 'an amount with a fraction',
    sent: { payload: { ...body, amountMinor: 1.5 } },
    status: 400,
    code: 'invalid_request',
    pointer: '/amountMinor',
  },
  {
    title: 'an amount written as text',
    sent: { payload: { ...body, amountMinor: '2980' } },
    status: 400,
    code: 'invalid_request',
    pointer: '/amountMinor',
  },
  {
    title: 'a currency in small letters',
    sent: { payload: { ...body, currency: 'eur' } },
    status: 400,
    code: 'invalid_request',
    pointer: '/currency',
  },
  {
    title: 'a missing reference',
    sent: { payload: { ...body, reference: undefined } },
    status: 400,
    code: 'invalid_request',
    pointer: '/reference',
  },
  {
    title: 'an unknown field',
    sent: { payload: { ...body, tip: 5 } },
    status: 400,
    code: 'invalid_request',
    pointer: '/tip',
  },
  { title: 'no body', sent: { payload: '' }, status: 400, code: 'invalid_request' },
  { title: 'a body that is not JSON', sent: { payload: '{' }, status: 400, code: 'invalid_json' },
];
for (const { title, sent, status, code, pointer } of refused) {
  test(`a capture with ${title} is refused with ${status} ${code} and leaves no row`, async (t) => {
    const app = freshApp(t);
    const answer = await capture(app, sent);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json['code'], code);
    if (pointer !== undefined) {
      const { errors } = answer.json;
      assert.ok(
        Array.isArray(errors) && errors.some((error: { pointer: string }) => error.pointer === pointer),
        answer.text,
      );
    }
    assert.deepEqual((await ledgerOf(app)).items, []);
  });
}

test('the ledger is read page by page until nextAfter is null', async (t) => {
  const app = freshApp(t);
  for (const key of ['one', 'two', 'three']) await capture(app, { headers: { 'idempotency-key': key } });
  const first = await ledgerOf(app, '?limit=2');
  assert.deepEqual(
    first.items.map((item) => item['key']),
    ['one', 'two'],
  );
  assert.equal(first.nextAfter, 2);
  const second = await ledgerOf(app, `?after=${first.nextAfter}&limit=2`);
  assert.deepEqual(
    second.items.map((item) => item['key']),
    ['three'],
  );
  assert.equal(second.nextAfter, null);
});

test('the ledger is for the merchant only, and its page size has a limit', async (t) => {
  const app = freshApp(t);
  assert.equal((await app.inject({ url: '/v1/ledger' })).statusCode, 401);
  const response = await app.inject({ url: '/v1/ledger?limit=1001', headers: { authorization: `Bearer ${apiKey}` } });
  assert.equal(response.statusCode, 400);
});
