import { placedData, eventOf } from '@sagamart/test-kit/event-builder';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cancelled, confirmed, freshPool, hear, outcomeData, rowsOf } from './outcome-builder.ts';

type Row = { outcome: string; status: string; order_version: number; cause_event_id: string };

const notifications =
  'select outcome, status, order_version, cause_event_id from notifications order by order_id, order_version';

test('an outcome is noted once, however often its event is heard', async (t) => {
  const pool = await freshPool(t);
  const event = confirmed(outcomeData());
  assert.deepEqual(await hear(pool, [event, event]), ['handled', 'duplicate']);
  assert.deepEqual(await hear(pool, [event]), ['duplicate']);
  assert.deepEqual(await rowsOf<Row>(pool, notifications), [
    { outcome: 'confirmed', status: 'pending', order_version: 2, cause_event_id: event.id },
  ]);
});

test('a confirmation and the cancellation after it, heard in one batch, are two notifications', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  await hear(pool, [confirmed(data), cancelled(data)]);
  const rows = await rowsOf<Row>(pool, notifications);
  assert.deepEqual(
    rows.map(({ outcome }) => outcome),
    ['confirmed', 'cancelled'],
  );
  assert.deepEqual(await rowsOf(pool, 'select lamport, version from correspondences'), [{ lamport: 10, version: 0 }]);
});

test('noting an outcome says nothing: only a mail that was taken is said', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData()), cancelled(outcomeData())]);
  assert.deepEqual(await rowsOf(pool, 'select event_id from outbox'), []);
});

test('a second confirmation of one order is parked, and changes nothing', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  await hear(pool, [confirmed(data)]);
  assert.deepEqual(await hear(pool, [confirmed(data)]), ['parked']);
  assert.equal((await rowsOf(pool, notifications)).length, 1);
  assert.deepEqual(await rowsOf(pool, 'select reason from parked_messages'), [{ reason: 'unreachable' }]);
});

test('an outcome is noted whatever version it carries, also that of another', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  const forged = { ...confirmed(data), aggregateVersion: cancelled(data).aggregateVersion };
  assert.deepEqual(await hear(pool, [forged, cancelled(data)]), ['handled', 'handled']);
});

test('a confirmation after the cancellation is parked', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  assert.deepEqual(await hear(pool, [cancelled(data), confirmed(data)]), ['handled', 'parked']);
});

test('other events of an order are recorded in the inbox and change nothing', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [eventOf({ type: 'order.placed', data: placedData() })]);
  assert.deepEqual(await rowsOf(pool, 'select type from inbox'), [{ type: 'order.placed' }]);
  assert.deepEqual(await rowsOf(pool, 'select order_id from correspondences'), []);
});

test('the delivery worker is woken after the commit', async (t) => {
  const pool = await freshPool(t);
  let wakings = 0;
  await hear(pool, [confirmed(outcomeData())], () => (wakings += 1));
  assert.equal(wakings, 1);
});

test('the table refuses a second row for one outcome of an order', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData())]);
  const copy = pool.query(`
    insert into notifications select order_id, outcome, customer_id, email, lines, total_minor, currency, reason, confirmed_at, cancelled_at, status,
      sent_at, gen_random_uuid(), cause_lamport, correlation_id, traceparent, order_version + 1 from notifications`);
  await assert.rejects(copy, { constraint: 'notifications_pkey' });
});
