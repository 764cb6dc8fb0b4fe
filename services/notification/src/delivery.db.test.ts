import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pool } from 'pg';
import { createDelivery } from './delivery.ts';
import type { Mail } from './mail.ts';
import { MailNotTaken, MailRefused, type Mailer } from './smtp.ts';
import { cancelled, clock, confirmed, freshPool, hear, logger, outcomeData, rowsOf } from './outcome-builder.ts';

/** A mail server that takes every mail, unless `meanwhile` throws. */
function fakeMailer(meanwhile: (mail: Mail) => Promise<void> | void = () => undefined): Mailer & { taken: Mail[] } {
  const taken: Mail[] = [];
  return {
    taken,
    send: async (mail) => {
      await meanwhile(mail);
      taken.push(mail);
    },
    close: () => undefined,
  };
}

function refuse(): never {
  throw new MailNotTaken('EENVELOPE 451');
}

function deliveryBy(pool: Pool, mailer: Mailer): () => Promise<boolean> {
  return createDelivery({ pool, mailer, clock, logger });
}

async function untilDone(deliver: () => Promise<boolean>): Promise<void> {
  while (await deliver());
}

const rowStates = 'select outcome, status, attempts from notifications order by order_id, order_version';
const allDue = 'update notifications set next_attempt_at = clock_timestamp()';

test('a mail that was taken is recorded and said, caused by the event of the order', async (t) => {
  const pool = await freshPool(t);
  const event = confirmed(outcomeData());
  await hear(pool, [event]);
  const mailer = fakeMailer();
  assert.equal(await deliveryBy(pool, mailer)(), true);

  const messageId = `${event.data.orderId}.confirmed@sagamart.example`;
  assert.deepEqual(
    mailer.taken.map((mail) => [mail.to, mail.messageId]),
    [['ada@example.com', messageId]],
  );
  assert.deepEqual(await rowsOf(pool, 'select status, sent_at from notifications'), [
    { status: 'sent', sent_at: clock.now() },
  ]);
  assert.deepEqual(
    await rowsOf(
      pool,
      'select type, topic, source, partition_key, causation_id, correlation_id, aggregate_version, lamport, data from outbox',
    ),
    [
      {
        type: 'notification.sent',
        topic: 'notification.events',
        source: '/notification',
        partition_key: event.data.orderId,
        causation_id: event.id,
        correlation_id: event.correlationId,
        aggregate_version: 1,
        lamport: 9,
        data: { orderId: event.data.orderId, outcome: 'confirmed', messageId },
      },
    ],
  );
});

test('a customer without an address is not written to, and nothing is said', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData({ contact: { email: null } }))]);
  const mailer = fakeMailer();
  assert.equal(await deliveryBy(pool, mailer)(), false);
  assert.deepEqual(mailer.taken, []);
  assert.deepEqual(await rowsOf(pool, rowStates), [{ outcome: 'confirmed', status: 'no_address', attempts: 0 }]);
  assert.deepEqual(await rowsOf(pool, 'select event_id from outbox'), []);
});

test('no transaction is open while the mail server is spoken to', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData()), confirmed(outcomeData())]);
  const open: unknown[] = [];
  const look = `select state from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
  const mailer = fakeMailer(async () => void open.push(...(await rowsOf(pool, look))));
  await deliveryBy(pool, mailer)();
  assert.equal(mailer.taken.length, 2);
  assert.deepEqual(open, []);
});

test('a mail that was not taken is tried again after a pause, until it is', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData())]);
  assert.equal(await deliveryBy(pool, fakeMailer(refuse))(), true);
  assert.deepEqual(await rowsOf(pool, rowStates), [{ outcome: 'confirmed', status: 'pending', attempts: 1 }]);
  assert.deepEqual(await rowsOf(pool, 'select event_id from outbox'), []);

  const mailer = fakeMailer();
  const deliver = deliveryBy(pool, mailer);
  assert.equal(await deliver(), false, 'its pause has not ended');
  await pool.query(allDue);
  assert.equal(await deliver(), true);
  assert.equal(mailer.taken.length, 1);
  assert.deepEqual(await rowsOf(pool, rowStates), [{ outcome: 'confirmed', status: 'sent', attempts: 2 }]);
});

test('the cancellation is not sent before the confirmation was taken', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  await hear(pool, [confirmed(data), cancelled(data)]);
  await deliveryBy(pool, fakeMailer(refuse))();
  assert.deepEqual(await rowsOf(pool, rowStates), [
    { outcome: 'confirmed', status: 'pending', attempts: 1 },
    { outcome: 'cancelled', status: 'pending', attempts: 0 },
  ]);
  const mailer = fakeMailer();
  const deliver = deliveryBy(pool, mailer);
  assert.equal(await deliver(), false);
  await pool.query(allDue);
  await untilDone(deliver);
  assert.deepEqual(
    mailer.taken.map((mail) => mail.messageId),
    [`${data.orderId}.confirmed@sagamart.example`, `${data.orderId}.cancelled@sagamart.example`],
  );
  assert.deepEqual(
    await rowsOf(
      pool,
      `select aggregate_version, lamport, data ->> 'outcome' as outcome from outbox order by aggregate_version`,
    ),
    [
      { aggregate_version: 1, lamport: 11, outcome: 'confirmed' },
      { aggregate_version: 2, lamport: 12, outcome: 'cancelled' },
    ],
  );
});

test('a mail whose address is refused is tried once, and the next one of the order all the same', async (t) => {
  const pool = await freshPool(t);
  const data = outcomeData();
  await hear(pool, [confirmed(data), cancelled(data)]);
  let tries = 0;
  const mailer = fakeMailer(() => {
    tries += 1;
    if (tries === 1) throw new MailRefused('EENVELOPE RCPT TO 550');
  });
  await untilDone(deliveryBy(pool, mailer));
  assert.deepEqual(await rowsOf(pool, rowStates), [
    { outcome: 'confirmed', status: 'refused', attempts: 1 },
    { outcome: 'cancelled', status: 'sent', attempts: 1 },
  ]);
  const said = await rowsOf(pool, `select aggregate_version, data ->> 'outcome' as outcome from outbox`);
  assert.deepEqual(said, [{ aggregate_version: 1, outcome: 'cancelled' }]);
});

test('one mail that is not taken does not hold up the others', async (t) => {
  const pool = await freshPool(t);
  const bad = outcomeData({ contact: { email: 'nobody@example.com' } });
  await hear(pool, [confirmed(bad), confirmed(outcomeData()), confirmed(outcomeData())]);
  const mailer = fakeMailer((mail) => (mail.to === 'nobody@example.com' ? refuse() : undefined));
  await deliveryBy(pool, mailer)();
  assert.equal(mailer.taken.length, 2);
});

test('a mail that was taken but could not be recorded is recorded later, not sent again', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData())]);
  const mailer = fakeMailer(async () => void (await pool.query('alter table outbox rename to outbox_away')));
  const deliver = deliveryBy(pool, mailer);
  await assert.rejects(deliver());
  await pool.query('alter table outbox_away rename to outbox');
  await pool.query(allDue);
  assert.equal(await deliver(), true);
  assert.equal(await deliver(), false);
  assert.equal(mailer.taken.length, 1);
  assert.equal((await rowsOf(pool, 'select event_id from outbox')).length, 1);
});

test('two deliveries at once send each mail once', async (t) => {
  const pool = await freshPool(t);
  await hear(
    pool,
    Array.from({ length: 50 }, () => confirmed(outcomeData())),
  );
  const mailer = fakeMailer();
  await Promise.all([untilDone(deliveryBy(pool, mailer)), untilDone(deliveryBy(pool, mailer))]);
  assert.equal(mailer.taken.length, 50);
  assert.equal(new Set(mailer.taken.map((mail) => mail.messageId)).size, 50);
  assert.deepEqual(await rowsOf(pool, 'select status, count(*) as count from notifications group by status'), [
    { status: 'sent', count: 50 },
  ]);
});

test('a mail sent again because its first sender was given up is said once, under one Message-ID', async (t) => {
  const pool = await freshPool(t);
  await hear(pool, [confirmed(outcomeData())]);
  const second = fakeMailer();
  const first = fakeMailer(async () => {
    await pool.query(allDue);
    await deliveryBy(pool, second)();
  });
  await deliveryBy(pool, first)();
  assert.deepEqual(first.taken, second.taken);
  assert.equal((await rowsOf(pool, 'select event_id from outbox')).length, 1);
  assert.deepEqual(await rowsOf(pool, 'select version from correspondences'), [{ version: 1 }]);
});
