import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { Pool } from 'pg';
import { createParticipant } from './messages.ts';
import type { ProviderReply } from './payment.ts';
import { findPayment } from './payment-store.ts';
import { nonsenseTextMax } from './nonsense-store.ts';
import { ProviderNonsense, type Provider } from './provider.ts';
import { providerAlarm, startProviderCalls } from './provider-calls.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };

const notAsked = () => Promise.reject(new Error('this call was not expected'));

async function payments(t: TestContext, expected: Partial<Provider>) {
  const folder = join(import.meta.dirname, '../migrations');
  const { url } = await freshDatabase(t, {
    template: 'payment',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  const calls = startProviderCalls({
    pool,
    provider: { capture: notAsked, void: notAsked, refund: notAsked, ...expected },
    clock,
    logger,
  });
  t.after(async () => {
    await calls.stop();
    await pool.end();
  });
  return {
    pool,
    calls,
    handle: createBatchHandler({ pool, participant: createParticipant(clock, calls.nudge), logger }),
  };
}

function orderToPay() {
  const data = placedData({ deadline: new Date(Date.now() + 60_000).toISOString() });
  const reserved = eventOf(
    { type: 'stock.reserved', data: { orderId: data.orderId, lines: [{ sku: skuOf('MUG'), quantity: 2 }] } },
    { lamport: 2 },
  );
  const { orderId, customerId, lines, totalMinor, currency } = data;
  const contact = { email: null };
  const cancelledAt = new Date().toISOString();
  const outcome = { orderId, customerId, contact, lines, totalMinor, currency, cancelledAt, confirmedAt: null };
  const cancelled = eventOf(
    { type: 'order.cancelled', data: { ...outcome, reason: 'customer_cancelled' } },
    { lamport: 5 },
  );
  return { orderId, placed: eventOf({ type: 'order.placed', data }), reserved, cancelled };
}

async function statusOf(pool: Pool, orderId: OrderId) {
  return (await findPayment(pool, orderId))?.payment.status;
}

async function saidOf(pool: Pool, orderId: OrderId) {
  const { rows } = await pool.query<{ type: string; causation_id: string; lamport: number }>(
    'select type, causation_id, lamport from outbox where partition_key = $1 order by aggregate_version',
    [orderId],
  );
  return rows;
}

test('a capture starts once terms and stock are known, in either order, and its cause is the event that came last', async (t) => {
  const asked: OrderId[] = [];
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      asked.push(orderId);
      return { outcome: 'captured', captureId: `c-${orderId}` };
    },
  });
  const [first, second] = [orderToPay(), orderToPay()];
  await handle([recordOf(first.placed), recordOf(first.reserved)], signal);
  await handle([recordOf(second.reserved), recordOf(second.placed)], signal);
  for (const [order, cause] of [
    [first, first.reserved],
    [second, second.placed],
  ] as const) {
    const said = await waitUntil('payment.captured', async () => {
      const rows = await saidOf(pool, order.orderId);
      return rows.length > 0 && rows;
    });
    assert.deepEqual(
      said.map(({ type, causation_id: causation }) => [type, causation]),
      [['payment.captured', cause.id]],
    );
    assert.ok((said[0]?.lamport ?? 0) > cause.lamport);
  }
  assert.deepEqual(asked.toSorted(), [first.orderId, second.orderId].toSorted());
});

test('a provider that does not answer is asked again until it does, and the order is charged one answer', async (t) => {
  let asked = 0;
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      asked += 1;
      if (asked < 3) throw new Error('the connection was lost');
      return { outcome: 'captured', captureId: `c-${orderId}` };
    },
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('payment.captured', async () => (await saidOf(pool, orderId)).length > 0);
  assert.equal(asked, 3);
  assert.equal((await saidOf(pool, orderId)).length, 1);
});

test('no transaction is open while the provider is asked', async (t) => {
  const answer = Promise.withResolvers<ProviderReply>();
  let asked = false;
  const { pool, handle } = await payments(t, {
    capture: () => {
      asked = true;
      return answer.promise;
    },
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the provider is asked', () => asked);
  const { rows } = await pool.query<{ open: number }>(
    `select count(*) as open from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  );
  assert.equal(rows[0]?.open, 0);
  answer.resolve({ outcome: 'declined', declineReason: 'insufficient_funds' });
  await waitUntil('payment.declined', async () =>
    (await saidOf(pool, orderId)).some(({ type }) => type === 'payment.declined'),
  );
});

test('a slow answer holds up nobody else', async (t) => {
  const never = Promise.withResolvers<ProviderReply>();
  const slow = orderToPay();
  const { pool, handle } = await payments(t, {
    capture: async (orderId) =>
      orderId === slow.orderId ? never.promise : { outcome: 'captured', captureId: `c-${orderId}` },
  });
  await handle([recordOf(slow.placed), recordOf(slow.reserved)], signal);
  const quick = orderToPay();
  await handle([recordOf(quick.placed), recordOf(quick.reserved)], signal);
  await waitUntil('the quick capture', async () => (await saidOf(pool, quick.orderId)).length > 0);
  assert.deepEqual(await saidOf(pool, slow.orderId), []);
  never.resolve({ outcome: 'declined', declineReason: 'late' });
});

test('a captured order that is cancelled gets its money back, asked for until it is, and the cancellation is the cause', async (t) => {
  let refundsAsked = 0;
  const { pool, handle } = await payments(t, {
    capture: async () => ({ outcome: 'captured', captureId: 'c1' }),
    refund: async (_orderId, _terms, captureId) => {
      refundsAsked += 1;
      if (refundsAsked === 1) throw new Error('the reply was lost');
      return { outcome: 'refunded', refundId: `refund of ${captureId}` };
    },
  });
  const { orderId, placed, reserved, cancelled } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the capture', async () => (await statusOf(pool, orderId)) === 'captured');
  await handle([recordOf(cancelled)], signal);
  await waitUntil('the refund', async () => (await statusOf(pool, orderId)) === 'refunded');
  assert.equal(refundsAsked, 2);
  const said = (await saidOf(pool, orderId)).map(({ type, causation_id: cause }) => [type, cause]);
  assert.deepEqual(said, [
    ['payment.captured', reserved.id],
    ['payment.refunded', cancelled.id],
  ]);
});

// What the void of a capture's key may find, and how the order's money ends.
const findings: { reply: ProviderReply; ends: string; says: string[] }[] = [
  { reply: { outcome: 'voided' }, ends: 'voided', says: ['payment.voided'] },
  { reply: { outcome: 'declined', declineReason: 'no' }, ends: 'declined', says: ['payment.declined'] },
  {
    reply: { outcome: 'captured', captureId: 'c1' },
    ends: 'refunded',
    says: ['payment.captured', 'payment.refunded'],
  },
];
for (const { reply, ends, says } of findings) {
  test(`an order cancelled while its capture is unknown is voided by key until the provider answers: ${reply.outcome} ends ${ends}`, async (t) => {
    let [captures, voids] = [0, 0];
    const lost = Promise.withResolvers<ProviderReply>();
    const { pool, handle } = await payments(t, {
      capture: () => {
        captures += 1;
        return lost.promise;
      },
      void: async () => {
        voids += 1;
        if (voids === 1) throw new Error('the connection was lost');
        return reply;
      },
      refund: async () => ({ outcome: 'refunded', refundId: 'r1' }),
    });
    const { orderId, placed, reserved, cancelled } = orderToPay();
    await handle([recordOf(placed), recordOf(reserved)], signal);
    await waitUntil('the capture is asked for', () => captures > 0);
    await handle([recordOf(cancelled)], signal);
    await waitUntil(ends, async () => (await statusOf(pool, orderId)) === ends);
    lost.reject(new Error('the reply was lost'));
    assert.deepEqual([captures, voids], [1, 2]);
    assert.deepEqual(
      (await saidOf(pool, orderId)).map(({ type }) => type),
      says,
    );
  });
}

test('a capture that is answered while its key is being voided is believed, and the money goes back', async (t) => {
  const captured = Promise.withResolvers<ProviderReply>();
  const voidAnswer = Promise.withResolvers<ProviderReply>();
  const asked: string[] = [];
  const { pool, handle } = await payments(t, {
    capture: () => {
      asked.push('capture');
      return captured.promise;
    },
    void: () => {
      asked.push('void');
      return voidAnswer.promise;
    },
    refund: async () => ({ outcome: 'refunded', refundId: 'r1' }),
  });
  const { orderId, placed, reserved, cancelled } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the capture is asked for', () => asked.includes('capture'));
  await handle([recordOf(cancelled)], signal);
  await waitUntil('the void is asked for', () => asked.includes('void'));
  captured.resolve({ outcome: 'captured', captureId: 'c1' });
  await waitUntil('the refund', async () => (await statusOf(pool, orderId)) === 'refunded');
  voidAnswer.resolve({ outcome: 'captured', captureId: 'c1' });
  const said = (await saidOf(pool, orderId)).map(({ type, causation_id: cause }) => [type, cause]);
  assert.deepEqual(said, [
    ['payment.captured', reserved.id],
    ['payment.refunded', cancelled.id],
  ]);
});

test('an order whose deadline has passed is never captured, and is voided when it is cancelled', async (t) => {
  const { pool, handle } = await payments(t, {});
  const { orderId, placed, reserved, cancelled } = orderToPay();
  const late = { ...placed, data: { ...placed.data, deadline: new Date().toISOString() } };
  await handle([recordOf(late), recordOf(reserved)], signal);
  assert.equal(await statusOf(pool, orderId), 'waiting');
  await handle([recordOf(cancelled)], signal);
  assert.equal(await statusOf(pool, orderId), 'voided');
});

test('a contradiction of the provider is not believed: the payment stays as it is and is asked again', async (t) => {
  let asked = 0;
  const { pool, handle } = await payments(t, {
    capture: async () => {
      asked += 1;
      return asked === 1 ? { outcome: 'voided' } : { outcome: 'captured', captureId: 'c1' };
    },
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the capture', async () => (await statusOf(pool, orderId)) === 'captured');
  assert.equal(asked, 2);
  assert.equal((await saidOf(pool, orderId)).length, 1);
  assert.match(
    (await nonsenseOf(pool, orderId))[0]?.last_text ?? '',
    /asked while capturing, the provider says .*voided/,
  );
});

async function nonsenseOf(pool: Pool, orderId: OrderId) {
  const { rows } = await pool.query<{ status: string; answers: number; last_text: string; ordered: boolean }>(
    `select status, answers, last_text, first_at <= last_at as ordered from nonsense_answers
     where order_id = $1 order by first_at`,
    [orderId],
  );
  return rows;
}

test('an answer that makes no sense is recorded and raises an alarm until the same call is answered with sense', async (t) => {
  let sense = false;
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      if (!sense) throw new ProviderNonsense(`\0${'x'.repeat(nonsenseTextMax)}`);
      return { outcome: 'captured', captureId: `c-${orderId}` };
    },
  });
  const { check } = providerAlarm(pool);
  const [first, second] = [orderToPay(), orderToPay()];
  assert.equal(await check(), null);
  await handle([recordOf(first.placed), recordOf(first.reserved)], signal);
  await waitUntil('the alarm', async () => (await check()) !== null);
  await handle([recordOf(second.placed), recordOf(second.reserved)], signal);
  const alarm = await waitUntil('both are waited for', async () => {
    const text = await check();
    return text?.includes('payments waiting 2, since 2') === true && text;
  });
  assert.ok(alarm.endsWith(`first of order ${first.orderId}`), alarm);
  await waitUntil('a second answer', async () => ((await nonsenseOf(pool, first.orderId))[0]?.answers ?? 0) > 1);
  assert.equal(await statusOf(pool, first.orderId), 'capturing');
  assert.deepEqual(await saidOf(pool, first.orderId), []);

  sense = true;
  await waitUntil('the alarm is over', async () => (await check()) === null);
  for (const { orderId } of [first, second]) {
    assert.deepEqual([await statusOf(pool, orderId), (await saidOf(pool, orderId)).length], ['captured', 1]);
    const [nonsense] = await nonsenseOf(pool, orderId);
    assert.deepEqual([nonsense?.status, nonsense?.ordered], ['capturing', true]);
    assert.equal(nonsense?.last_text, `\uFFFD${'x'.repeat(nonsenseTextMax - 1)}`);
  }
});

test('nonsense about a capture is no alarm any more once its key is being voided, until the void is answered with nonsense too', async (t) => {
  let voidAnswers: ProviderReply | Error = new Error('the connection was lost');
  const { pool, handle } = await payments(t, {
    capture: () => Promise.reject(new ProviderNonsense('of the capture')),
    void: async () => {
      if (voidAnswers instanceof Error) throw voidAnswers;
      return voidAnswers;
    },
  });
  const { check } = providerAlarm(pool);
  const { orderId, placed, reserved, cancelled } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the alarm', async () => (await check()) !== null);
  await handle([recordOf(cancelled)], signal);
  assert.equal(await check(), null);
  voidAnswers = new ProviderNonsense('of the void');
  await waitUntil('the alarm of the void', async () => (await check()) !== null);
  voidAnswers = { outcome: 'voided' };
  await waitUntil('the void', async () => (await statusOf(pool, orderId)) === 'voided');
  assert.equal(await check(), null);
  const recorded = (await nonsenseOf(pool, orderId)).map(({ status, last_text: text }) => [status, text]);
  assert.deepEqual(recorded, [
    ['capturing', 'of the capture'],
    ['voiding', 'of the void'],
  ]);
});

test('a provider that only does not answer is no alarm', async (t) => {
  let asked = 0;
  const { pool, handle } = await payments(t, {
    capture: () => {
      asked += 1;
      return Promise.reject(new Error('the connection was lost'));
    },
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the provider was asked again', () => asked > 1);
  assert.deepEqual([await providerAlarm(pool).check(), await nonsenseOf(pool, orderId)], [null, []]);
});
