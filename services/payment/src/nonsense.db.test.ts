import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrderId } from '@sagamart/contracts/ids';
import { recordOf } from '@sagamart/test-kit/event-builder';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { Pool } from 'pg';
import { answerTextMax } from './nonsense-store.ts';
import type { ProviderReply } from './payment.ts';
import { orderToPay, payments, saidOf, signal, statusOf } from './payments-fixture.ts';
import { ProviderNonsense } from './provider.ts';
import { providerAlarm } from './provider-calls.ts';

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
      if (!sense) throw new ProviderNonsense(`\0${'x'.repeat(answerTextMax)}`);
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
    assert.equal(nonsense?.last_text, `\uFFFD${'x'.repeat(answerTextMax - 1)}`);
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
