import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { createLogger } from '@sagamart/telemetry/logger';
import { buildApp } from './app.ts';
import { createBadDays, flakyKeysMax } from './bad-days.ts';
import { openLedger } from './ledger.ts';

const authorization = 'Bearer the-key-of-this-test';
const slowAnswerMs = 1_500;

/** A provider that listens, for a lost reply is a connection that ends. */
async function provider(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'psp-bad-'));
  const ledger = openLedger(join(folder, 'ledger.sqlite'));
  let count = 0;
  const app = buildApp({
    logger: createLogger({ service: 'psp-simulator', level: 'silent' }),
    ledger,
    apiKey: 'the-key-of-this-test',
    now: () => new Date('2026-11-21T10:00:00.000Z'),
    newCaptureId: () => `cap_${(count += 1)}`,
    newRefundId: () => `ref_${(count += 1)}`,
    badDays: createBadDays(() => 0.5),
    slowAnswerMs,
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await app.close();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const call = async (method: string, path: string, body?: object, key?: string) => {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: {
        authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const json: unknown = await response.json();
    return { status: response.status, json };
  };
  return {
    call,
    capture: (key: string, paymentMethod = 'tok_visa') =>
      call('POST', '/v1/captures', { amountMinor: 2980, currency: 'EUR', paymentMethod, reference: key }, key),
    void: (captureKey: string) => call('POST', '/v1/voids', { captureKey }),
    kinds: () => ledger.page({ after: 0, limit: 100 }).map(({ kind }) => kind),
  };
}

const money = { amountMinor: 2980, currency: 'EUR', reference: 'one' };

test('a void before the capture forbids it; one after it tells of it; the refund follows, and all stand in the ledger', async (t) => {
  const psp = await provider(t);
  assert.deepEqual(await psp.void('never'), { status: 200, json: { status: 'voided' } });
  assert.partialDeepStrictEqual(await psp.capture('never'), {
    status: 201,
    json: { captureId: null, status: 'voided' },
  });
  const { json: captured } = await psp.capture('one');
  assert.deepEqual(await psp.void('one'), { status: 200, json: captured });
  const captureId = (captured as { captureId: string }).captureId;
  const refund = () => psp.call('POST', '/v1/refunds', { captureId, ...money }, 'refund-one');
  const first = await refund();
  assert.partialDeepStrictEqual(first, { status: 201, json: { status: 'refunded', captureId, ...money } });
  assert.deepEqual(await refund(), first);
  assert.deepEqual(psp.kinds(), ['void', 'capture', 'refund']);
});

test('a capture is shown with its refund, whoever asked for it, and as badly as anything else on a bad day', async (t) => {
  const psp = await provider(t);
  const { captureId } = (await psp.capture('one')).json as { captureId: string };
  const look = () => psp.call('GET', `/v1/captures/${captureId}`);
  const shown = { captureId, status: 'captured', ...money };
  assert.deepEqual(await look(), { status: 200, json: { ...shown, refunds: [] } });
  const byHand = { amountMinor: 2980, currency: 'EUR', reference: 'by hand' };
  await psp.call('POST', '/v1/refunds', { captureId, ...byHand }, 'a-key-of-the-dashboard');
  const refund = { refundId: 'ref_2', ...byHand, createdAt: '2026-11-21T10:00:00.000Z' };
  assert.deepEqual(await look(), { status: 200, json: { ...shown, refunds: [refund] } });
  assert.equal((await psp.call('GET', '/v1/captures/cap_of_nobody')).status, 404);
  await psp.call('PUT', '/v1/controls', { nonsense: 'unknown_status' });
  assert.partialDeepStrictEqual(await look(), { json: { status: 'perhaps' } });
});

test('captures and voids of one key at once agree on what became of it', async (t) => {
  const psp = await provider(t);
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const answers = await Promise.all(keys.flatMap((key) => [psp.void(key), psp.capture(key)]));
  assert.equal(psp.kinds().length, keys.length);
  const statuses = answers.map(({ json }) => (json as { status: string }).status);
  for (const index of keys.keys()) assert.equal(statuses[2 * index], statuses[2 * index + 1]);
});

test('tok_lost_reply is captured and the connection ends; asked again, it is answered', async (t) => {
  const psp = await provider(t);
  await assert.rejects(psp.capture('one', 'tok_lost_reply'));
  assert.deepEqual(psp.kinds(), ['capture']);
  assert.partialDeepStrictEqual(await psp.capture('one', 'tok_lost_reply'), {
    status: 201,
    json: { status: 'captured' },
  });
});

test('tok_flaky fails and records nothing the first time', async (t) => {
  const psp = await provider(t);
  assert.equal((await psp.capture('one', 'tok_flaky')).status, 500);
  assert.deepEqual(psp.kinds(), []);
  assert.equal((await psp.capture('one', 'tok_flaky')).status, 201);
});

test('tok_slow is captured at once and answered late; asked again, it is answered at once', async (t) => {
  const psp = await provider(t);
  const began = performance.now();
  await psp.capture('one', 'tok_slow');
  const first = performance.now() - began;
  await psp.capture('one', 'tok_slow');
  const second = performance.now() - began - first;
  assert.ok(first >= slowAnswerMs && second < slowAnswerMs, `${first} ms, then ${second} ms`);
});

test('the controls make the provider misbehave, say so, and are taken back', async (t) => {
  const psp = await provider(t);
  const good = { latencyMs: 0, errorRate: 0, lostReplies: 0, down: false, nonsense: 'none' };
  assert.deepEqual((await psp.call('GET', '/v1/controls')).json, good);

  await psp.call('PUT', '/v1/controls', { errorRate: 0.51 });
  assert.equal((await psp.capture('one')).status, 500);
  await psp.call('PUT', '/v1/controls', { lostReplies: 1 });
  await assert.rejects(psp.capture('one'));
  assert.deepEqual(psp.kinds(), ['capture']);
  assert.equal((await psp.capture('one')).status, 201, 'only one reply was to be lost');

  await psp.call('PUT', '/v1/controls', { down: true });
  await assert.rejects(psp.capture('one'));
  await assert.rejects(psp.void('two'));
  assert.equal((await psp.call('GET', '/v1/ledger')).status, 200, 'the auditor still reads');
  assert.deepEqual((await psp.call('DELETE', '/v1/controls')).json, good);
  assert.equal((await psp.capture('one')).status, 201);

  await psp.call('PUT', '/v1/controls', { latencyMs: 200 });
  const began = performance.now();
  await psp.capture('one');
  assert.ok(performance.now() - began >= 199);
});

for (const [nonsense, told] of [
  ['wrong_amount', { status: 'captured', amountMinor: 2981, reference: 'one' }],
  ['unknown_status', { status: 'perhaps', amountMinor: 2980, reference: 'one' }],
] as const) {
  test(`a provider that answers ${nonsense} has recorded what is right, and tells it when it behaves again`, async (t) => {
    const psp = await provider(t);
    await psp.call('PUT', '/v1/controls', { nonsense });
    assert.partialDeepStrictEqual(await psp.capture('one'), { status: 201, json: told });
    assert.partialDeepStrictEqual(await psp.void('one'), { status: 200, json: told });
    assert.deepEqual(psp.kinds(), ['capture']);
    await psp.call('DELETE', '/v1/controls');
    assert.partialDeepStrictEqual(await psp.capture('one'), { status: 201, json: { status: 'captured', ...money } });
  });
}

test('a provider that answers bad JSON does so to captures, voids and refunds', async (t) => {
  const psp = await provider(t);
  const { json } = await psp.capture('one');
  const { captureId } = json as { captureId: string };
  await psp.call('PUT', '/v1/controls', { nonsense: 'bad_json' });
  await assert.rejects(psp.capture('two'), SyntaxError);
  await assert.rejects(psp.void('three'), SyntaxError);
  await assert.rejects(psp.call('POST', '/v1/refunds', { captureId, ...money }, 'refund-one'), SyntaxError);
  assert.deepEqual(psp.kinds(), ['capture', 'capture', 'void', 'refund']);
});

for (const [what, body] of [
  ['an error rate above 1', { errorRate: 2 }],
  ['a negative latency', { latencyMs: -1 }],
  ['a kind of nonsense nobody knows', { nonsense: 'riddles' }],
  ['an unknown control', { mood: 'bad' }],
] as const) {
  test(`${what} is refused`, async (t) => {
    assert.equal((await (await provider(t)).call('PUT', '/v1/controls', body)).status, 400);
  });
}

test('a ledger of the first version is opened with all its lines', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'psp-old-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'ledger.sqlite');
  const old = new DatabaseSync(file);
  old.exec(readFileSync(new URL('../migrations/0001-captures.sql', import.meta.url), 'utf8'));
  old.exec(`insert into captures values (7, 'cap_7', 'seven', 'f', 'captured', 5, 'EUR', 'r', null, 't', 'a'),
    (8, 'cap_8', 'eight', 'f', 'declined', 5, 'EUR', 'r', 'no', 't', 'a'); pragma user_version = 1`);
  old.close();
  const ledger = openLedger(file);
  t.after(() => ledger.close());
  const rows = ledger.page({ after: 0, limit: 10 }).map(({ sequence, kind, key }) => ({ sequence, kind, key }));
  assert.deepEqual(rows, [
    { sequence: 7, kind: 'capture', key: 'seven' },
    { sequence: 8, kind: 'decline', key: 'eight' },
  ]);
});

test('an error rate is the share of requests that fail: none at 0, all at 1', async () => {
  const [luckless, lucky] = [createBadDays(() => 0), createBadDays(() => 0.999)];
  assert.equal(await luckless.arrive(), 'served');
  lucky.set({ errorRate: 1 });
  assert.equal(await lucky.arrive(), 'failed');
});

test('a flaky key fails once, and again only when so many came after it that it was forgotten', () => {
  const { failsFirst } = createBadDays(Math.random);
  assert.deepEqual([failsFirst('one'), failsFirst('two'), failsFirst('one')], [true, true, false]);
  for (let count = 2; count <= flakyKeysMax; count += 1) failsFirst(`key ${count}`);
  assert.deepEqual([failsFirst('two'), failsFirst('one')], [false, true]);
});
