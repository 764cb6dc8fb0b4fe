import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import { createPool } from '@sagamart/service-kit/database';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { claimDueCalls, findPayment } from './payment-store.ts';

const folder = join(import.meta.dirname, '../migrations');

const terms = "2980, 'EUR', 'tok_visa', '2026-01-01T00:01:00Z'";
const noTerms = 'null, null, null, null';
// Every shape in which the first version wrote a payment.
const written: { status: string; row: string }[] = [
  { status: 'waiting', row: `${noTerms}, true, null, null, null, 0, null` },
  { status: 'waiting', row: `${terms}, false, null, null, null, 0, null` },
  { status: 'waiting', row: `${terms}, true, null, null, null, 0, null` },
  { status: 'capturing', row: `${terms}, true, null, null, gen_random_uuid(), 3, now()` },
  { status: 'captured', row: `${terms}, true, 'cap_1', null, gen_random_uuid(), 1, null` },
  { status: 'declined', row: `${terms}, true, null, 'card_declined', gen_random_uuid(), 2, null` },
  { status: 'voided', row: `${noTerms}, false, null, null, null, 0, null` },
  { status: 'voided', row: `${terms}, false, null, null, null, 0, null` },
];

test('payments of the first version are taken over as they were, and those that were owed are asked for', async (t) => {
  const first = mkdtempSync(join(tmpdir(), 'payment-0001-'));
  t.after(() => rmSync(first, { recursive: true, force: true }));
  cpSync(join(folder, '0001-payments.sql'), join(first, '0001-payments.sql'));
  const { url } = await freshDatabase(t, {
    template: 'payment_0001',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: first }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  const orderIds = new Map<OrderId, string>();
  for (const { status, row } of written) {
    const orderId = newId<OrderId>();
    orderIds.set(orderId, status);
    await pool.query(
      `insert into payments (order_id, status, amount_minor, currency, payment_method, deadline_at, stock_reserved, capture_id, decline_reason,
         call_cause_id, attempts, ask_at) values ('${orderId}', '${status}', ${row})`,
    );
  }
  const read = async () => (await pool.query<{ status: string }>('select * from payments order by order_id')).rows;
  const before = await read();

  const { applied } = await migrateDatabase({ ownerUrl: url, folder });
  assert.deepEqual(applied, [
    'service/0002-compensations.sql',
    'service/0003-nonsense.sql',
    'service/0004-settlements.sql',
  ]);
  assert.deepEqual(
    await read(),
    before.map((row) => ({ ...row, refund_id: null, owed_at: null, last_answer: null })),
  );
  for (const [orderId, status] of orderIds) assert.equal((await findPayment(pool, orderId))?.payment.status, status);
  const due = await claimDueCalls(pool, { limit: 10, leaseMs: 1_000 });
  assert.deepEqual(
    due.map(({ payment, attempts }) => [payment.status, attempts]),
    [['capturing', 4]],
  );
});
