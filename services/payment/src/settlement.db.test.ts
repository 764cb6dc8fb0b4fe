import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import type { Caller } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { recordOf } from '@sagamart/test-kit/event-builder';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { buildApp } from './app.ts';
import { answerDueMs } from './payment.ts';
import { orderToPay, payments, saidOf, signal, statusOf } from './payments-fixture.ts';
import { ProviderNonsense, type Provider } from './provider.ts';
import { providerAlarm } from './provider-calls.ts';

const refusal = 'expected 201 of /v1/refunds, the provider answered 409: already_refunded';
const captured: Partial<Provider> = {
  capture: async (orderId) => ({ outcome: 'captured', captureId: `c-${orderId}` }),
};
const refused: Partial<Provider> = {
  ...captured,
  refund: () => Promise.reject(new ProviderNonsense(refusal)),
  findRefund: () => Promise.reject(new Error('nobody answers')),
};

/** A shop's payments with an order that is cancelled at once, and what operators see and do of them. */
async function cancelledOrder(t: TestContext, expected: Partial<Provider>, { isCapturedFirst = true } = {}) {
  const { pool, handle, calls } = await payments(t, expected);
  const callers: Record<string, Caller> = { operator: { kind: 'operator', name: 'grace' } };
  const app = buildApp({
    ...{ pool, clock: { now: () => new Date(), newEventId: newId<EventId> }, committed: calls.nudge },
    verifier: { verify: async (name) => callers[name ?? ''] ?? assert.fail() },
    ...{ logger: createLogger({ service: 'test', level: 'silent' }), readiness: [], alarms: [] },
  });
  t.after(() => app.close());
  const { orderId, placed, reserved, cancelled } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  const first = isCapturedFirst ? 'captured' : 'capturing';
  await waitUntil(`the payment is ${first}`, async () => (await statusOf(pool, orderId)) === first);
  await handle([recordOf(cancelled)], signal);
  const headers = { authorization: 'operator' };
  const list = async (state: 'waiting' | 'settled') =>
    (await app.inject({ url: `/payments?state=${state}`, headers })).json().items;
  const settle = async (payload: object, id: OrderId = orderId) => {
    const response = await app.inject({ method: 'POST', url: `/payments/${id}/settle`, headers, payload });
    return { status: response.statusCode, body: response.json() };
  };
  return { pool, orderId, list, settle, alarm: () => providerAlarm(pool).check(), cancelled };
}

test('a refund that is refused because it was made by hand is found in the books of the provider, taken over and recorded', async (t) => {
  const { pool, orderId, list, cancelled } = await cancelledOrder(t, {
    ...refused,
    findRefund: async () => ({ outcome: 'refunded', refundId: 'by-hand' }),
  });
  await waitUntil('the refund', async () => (await statusOf(pool, orderId)) === 'refunded');
  assert.deepEqual(await list('waiting'), []);
  const [{ id, settledAt, ...settlement }] = await list('settled');
  assert.ok(id.length > 0 && settledAt.length > 0);
  const nothing = { captureId: null, declineReason: null, operator: null };
  const found = { orderId, status: 'refunding', outcome: 'refunded', refundId: 'by-hand', reason: refusal };
  assert.deepEqual(settlement, { ...nothing, ...found });
  const said = await saidOf(pool, orderId);
  assert.deepEqual([said.at(-1)?.type, said.at(-1)?.causation_id], ['payment.refunded', cancelled.id]);
});

test('a refund that is refused for ever waits for a person with the last answer, and a person ends it', async (t) => {
  const { pool, orderId, list, settle, alarm, cancelled } = await cancelledOrder(t, refused);
  await waitUntil('the alarm', alarm);
  const [waiting] = await list('waiting');
  assert.deepEqual(
    [waiting.orderId, waiting.status, waiting.amountMinor, waiting.currency, waiting.captureId],
    [orderId, 'refunding', 2980, 'EUR', `c-${orderId}`],
  );
  assert.equal(waiting.lastAnswer, `${refusal}; looked up: nobody answers`);

  const word = { outcome: 'refunded', refundId: 'bank-7', reason: 'Given back by hand, says the provider.' };
  assert.deepEqual(await settle(word), { status: 200, body: { orderId, status: 'refunded', settled: true } });
  assert.deepEqual(await settle(word), { status: 200, body: { orderId, status: 'refunded', settled: false } });
  const other = await settle({ ...word, refundId: 'bank-8' });
  assert.deepEqual([other.status, other.body.code], [409, 'does_not_follow']);
  assert.deepEqual([await alarm(), await list('waiting')], [null, []]);
  const [settled] = await list('settled');
  assert.deepEqual([settled.operator, settled.reason, settled.refundId], ['grace', word.reason, 'bank-7']);
  const said = await saidOf(pool, orderId);
  assert.deepEqual([said.at(-1)?.type, said.at(-1)?.causation_id], ['payment.refunded', cancelled.id]);
});

test('a person who knows what was captured of an order that is being voided sets off its refund', async (t) => {
  const { pool, orderId, settle } = await cancelledOrder(
    t,
    {
      capture: () => Promise.reject(new Error('no answer')),
      void: () => Promise.reject(new ProviderNonsense('expected 200 of /v1/voids, the provider answered 404')),
      refund: async (_orderId, _terms, captureId) => ({ outcome: 'refunded', refundId: `r-${captureId}` }),
    },
    { isCapturedFirst: false },
  );
  assert.equal((await settle({ outcome: 'captured', captureId: 'seen', reason: 'The books say so.' })).status, 200);
  await waitUntil('the refund', async () => (await statusOf(pool, orderId)) === 'refunded');
  assert.deepEqual(
    (await saidOf(pool, orderId)).map(({ type }) => type),
    ['payment.captured', 'payment.refunded'],
  );
});

for (const [outcome, more, status, said] of [
  ['voided', {}, 'voided', 'payment.voided'],
  ['declined', { declineReason: 'no_such_card' }, 'declined', 'payment.declined'],
] as const) {
  test(`a person who knows that nothing was captured ends a void as ${outcome}`, async (t) => {
    const silent = () => Promise.reject(new Error('no answer'));
    const options = { isCapturedFirst: false };
    const { pool, orderId, settle } = await cancelledOrder(t, { capture: silent, void: silent }, options);
    const { body } = await settle({ outcome, ...more, reason: 'The books have nothing of it.' });
    assert.deepEqual(body, { orderId, status, settled: true });
    assert.deepEqual(
      (await saidOf(pool, orderId)).map(({ type }) => type),
      [said],
    );
  });
}

test('a word that cannot follow, says too little or is of an order nobody knows changes nothing', async (t) => {
  const { pool, orderId, settle } = await cancelledOrder(t, refused);
  const reason = 'Why not.';
  for (const [payload, status, code] of [
    [{ outcome: 'voided', reason }, 409, 'does_not_follow'],
    [{ outcome: 'captured', captureId: 'another', reason }, 409, 'does_not_follow'],
    [{ outcome: 'refunded', reason }, 400, 'invalid_request'],
    [{ outcome: 'refunded', refundId: 'r1' }, 400, 'invalid_request'],
    [{ outcome: 'refunded', refundId: 'r 1', reason }, 400, 'invalid_request'],
    [{ outcome: 'refunded', refundId: 'r1', reason: 'x'.repeat(501) }, 400, 'invalid_request'],
  ] as const) {
    const answer = await settle(payload);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(payload));
  }
  assert.equal((await settle({ outcome: 'voided', reason }, newId<OrderId>())).status, 404);
  assert.equal(await statusOf(pool, orderId), 'refunding');
});

test('a refund that another payment has is not taken for this one', async (t) => {
  const { pool, settle } = await cancelledOrder(t, refused);
  await pool.query(
    `insert into payments (order_id, status, amount_minor, currency, payment_method, deadline_at, stock_reserved, capture_id, refund_id)
     values ($1, 'refunded', 1, 'EUR', 'tok_visa', now(), true, 'cap-9', 'ref-9')`,
    [newId()],
  );
  const { status, body } = await settle({ outcome: 'refunded', refundId: 'ref-9', reason: 'A slip of the pen.' });
  assert.deepEqual([status, body.code], [409, 'used_elsewhere']);
});

test('a provider that has not answered for a minute is an alarm, and asked on', async (t) => {
  let asked = 0;
  const { pool, orderId, list, alarm } = await cancelledOrder(t, {
    ...captured,
    refund: () => {
      asked += 1;
      const cause = new Error('connect ECONNREFUSED');
      return Promise.reject(new TypeError('fetch failed', { cause }));
    },
  });
  await waitUntil('the provider was asked', () => asked > 0);
  assert.deepEqual([await alarm(), await list('waiting')], [null, []]);
  await pool.query(`update payments set owed_at = owed_at - $1 * interval '1 millisecond'`, [answerDueMs]);
  assert.match((await alarm()) ?? '', new RegExp(`payments waiting 1, since .*, first of order ${orderId}$`));
  assert.match((await list('waiting'))[0].lastAnswer, /fetch failed: connect ECONNREFUSED/);
  const before = asked;
  await waitUntil('the provider is asked again', () => asked > before);
});
