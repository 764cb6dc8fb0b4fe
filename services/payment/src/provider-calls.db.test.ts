import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrderId } from '@sagamart/contracts/ids';
import { recordOf } from '@sagamart/test-kit/event-builder';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { ProviderReply } from './payment.ts';
import { orderToPay, payments, saidOf, signal, statusOf } from './payments-fixture.ts';
import { callsInFlightMax } from './provider-calls.ts';

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
  await handle([recordOf(second.reserved)], signal);
  await handle([recordOf(second.placed)], signal);
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

test('a slow answer holds up nobody else, and is not asked for again while it may still come', async (t) => {
  const never = Promise.withResolvers<ProviderReply>();
  const slow = orderToPay();
  let slowAsked = 0;
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      if (orderId !== slow.orderId) return { outcome: 'captured', captureId: `c-${orderId}` };
      slowAsked += 1;
      return never.promise;
    },
  });
  await handle([recordOf(slow.placed), recordOf(slow.reserved)], signal);
  await waitUntil('the slow capture is asked for', () => slowAsked > 0);
  const quick = orderToPay();
  await handle([recordOf(quick.placed), recordOf(quick.reserved)], signal);
  await waitUntil('the quick capture', async () => (await saidOf(pool, quick.orderId)).length > 0);
  assert.deepEqual([slowAsked, await saidOf(pool, slow.orderId)], [1, []]);
  never.resolve({ outcome: 'declined', declineReason: 'late' });
});

test('whoever stops the calls waits for the answer to those under way', async (t) => {
  const answer = Promise.withResolvers<ProviderReply>();
  let asked = false;
  const { pool, handle, calls } = await payments(t, {
    capture: () => {
      asked = true;
      return answer.promise;
    },
  });
  const { orderId, placed, reserved } = orderToPay();
  await handle([recordOf(placed), recordOf(reserved)], signal);
  await waitUntil('the provider is asked', () => asked);
  const stopped = calls.stop();
  setImmediate(() => answer.resolve({ outcome: 'captured', captureId: 'c1' }));
  await stopped;
  assert.equal(await statusOf(pool, orderId), 'captured');
});

test('the provider is asked about so many orders at once and no more; the others have their turn', async (t) => {
  const answer = Promise.withResolvers<void>();
  let asked = 0;
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      asked += 1;
      await answer.promise;
      return { outcome: 'captured', captureId: `c-${orderId}` };
    },
  });
  const orders = Array.from({ length: callsInFlightMax + 8 }, orderToPay);
  await handle(
    orders.flatMap(({ placed, reserved }) => [recordOf(placed), recordOf(reserved)]),
    signal,
  );
  await waitUntil('all that may be asked about are', () => asked >= callsInFlightMax);
  assert.equal(asked, callsInFlightMax);
  answer.resolve();
  for (const { orderId } of orders)
    await waitUntil('the capture', async () => (await statusOf(pool, orderId)) === 'captured');
});

test('replies that come together are recorded in few transactions', async (t) => {
  const answer = Promise.withResolvers<void>();
  const orders = Array.from({ length: callsInFlightMax }, orderToPay);
  let asked = 0;
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      asked += 1;
      await answer.promise;
      return { outcome: 'captured', captureId: `c-${orderId}` };
    },
  });
  await handle(
    orders.flatMap(({ placed, reserved }) => [recordOf(placed), recordOf(reserved)]),
    signal,
  );
  await waitUntil('all are asked about', () => asked === orders.length);
  answer.resolve();
  const transactions = await waitUntil('all captures', async () => {
    const { rows } = await pool.query<{ transactions: number }>(
      `select count(distinct xmin::text) as transactions from payments where status = 'captured' having count(*) = $1`,
      [orders.length],
    );
    return rows[0]?.transactions;
  });
  // The first to come is recorded at once, and what comes meanwhile after it.
  assert.ok(transactions <= 3, `${transactions} transactions`);
});

test('a reply that cannot be recorded holds up none of those that come with it', async (t) => {
  const answer = Promise.withResolvers<void>();
  const earlier = orderToPay();
  const sameCapture = orderToPay();
  const others = Array.from({ length: 7 }, orderToPay);
  const together = [sameCapture, ...others];
  let asked = 0;
  const { pool, handle } = await payments(t, {
    capture: async (orderId) => {
      if (orderId !== earlier.orderId) {
        asked += 1;
        await answer.promise;
      }
      return { outcome: 'captured', captureId: `c-${orderId === sameCapture.orderId ? earlier.orderId : orderId}` };
    },
  });
  await handle([recordOf(earlier.placed), recordOf(earlier.reserved)], signal);
  await waitUntil('the earlier capture', async () => (await statusOf(pool, earlier.orderId)) === 'captured');
  await handle(
    together.flatMap(({ placed, reserved }) => [recordOf(placed), recordOf(reserved)]),
    signal,
  );
  await waitUntil('all are asked about', () => asked === together.length);
  answer.resolve();
  for (const { orderId } of others)
    await waitUntil('the capture', async () => (await statusOf(pool, orderId)) === 'captured');
  assert.equal(await statusOf(pool, sameCapture.orderId), 'capturing');
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
