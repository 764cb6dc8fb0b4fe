import { newId, type CustomerId, type OrderId } from '@sagamart/contracts/ids';
import type { Caller } from '@sagamart/service-kit/token';
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Pool } from 'pg';
import { buildApp } from './app.ts';
import { createDelivery } from './delivery.ts';
import { cancelled, clock, confirmed, freshPool, hear, logger, outcomeData } from './outcome-builder.ts';

async function get(t: TestContext, pool: Pool, { orderId, caller }: { orderId: string; caller: Caller }) {
  const app = buildApp({
    ...{ pool, clock, logger, readiness: [], alarms: [], committed: () => undefined },
    verifier: { verify: async () => caller },
  });
  t.after(() => app.close());
  const response = await app.inject({ url: `/notifications/${orderId}`, headers: { authorization: 'Bearer any' } });
  const body: Record<string, unknown> = response.json();
  return { status: response.statusCode, body };
}

function customer(customerId: CustomerId): Caller {
  return { kind: 'customer', customerId, email: null };
}

test('a customer sees what was sent and what is still to be sent', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  await hear(pool, [confirmed(data)]);
  const mailer = { send: async () => undefined, close: () => undefined };
  await createDelivery({ pool, mailer, clock, logger })();
  await hear(pool, [cancelled(data)]);
  const { status, body } = await get(t, pool, { orderId: data.orderId, caller: customer(data.customerId) });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    items: [
      { outcome: 'confirmed', status: 'sent', sentAt: '2026-11-21T10:00:02.000Z' },
      { outcome: 'cancelled', status: 'pending' },
    ],
  });
});

test('an operator sees the notifications of any order', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData({ contact: { email: null } });
  await hear(pool, [confirmed(data)]);
  const { body } = await get(t, pool, { orderId: data.orderId, caller: { kind: 'operator', name: 'olga' } });
  assert.deepEqual(body, { items: [{ outcome: 'confirmed', status: 'no_address' }] });
});

test("somebody else's order and an unknown one are not found, in the same words", async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  await hear(pool, [confirmed(data)]);
  const caller = customer(newId<CustomerId>());
  const foreign = await get(t, pool, { orderId: data.orderId, caller });
  const orderId = newId<OrderId>();
  const unknown = await get(t, pool, { orderId, caller });
  assert.equal(foreign.status, 404);
  assert.equal(foreign.body['code'], 'not_found');
  assert.equal(unknown.status, 404);
  assert.equal(unknown.body['detail'], String(foreign.body['detail']).replace(data.orderId, orderId));
});

test('an order id that is none is refused before the database is asked', async (t) => {
  const pool = await freshPool(t);
  const { status, body } = await get(t, pool, { orderId: "1' or true", caller: customer(newId<CustomerId>()) });
  assert.equal(status, 400);
  assert.equal(body['code'], 'invalid_request');
});
