import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import { buildApp } from './app.ts';
import { createDelivery } from './delivery.ts';
import { mailAlarm } from './mail-alarm.ts';
import { startMailServer } from './mail-server-fixture.ts';
import { takenDueMs } from './notification.ts';
import { cancelled, clock, confirmed, freshPool, hear, logger, outcomeData, rowsOf } from './outcome-builder.ts';
import { createMailer } from './smtp.ts';

/** Mails to a server that answers as `answers` says now, and what operators see and do about them. */
async function mailing(t: TestContext, answers: Record<string, string | null>) {
  const pool = await freshPool(t);
  const server = await startMailServer(t, answers);
  const mailer = createMailer({ url: server.url, from: 'orders@sagamart.example' });
  t.after(() => mailer.close());
  const deliver = createDelivery({ pool, mailer, clock, logger });
  const app = buildApp({
    ...{ pool, clock, logger, readiness: [], alarms: [], committed: () => undefined },
    verifier: { verify: async () => ({ kind: 'operator', name: 'grace' }) },
  });
  t.after(() => app.close());
  const headers = { authorization: 'Bearer any' };
  return {
    pool,
    server,
    alarm: mailAlarm(pool).check,
    /** Tries every mail so many times, as if the pauses were over. */
    tryAll: async (times = 1) => {
      for (let count = 0; count < times; count += 1) {
        await pool.query('update notifications set next_attempt_at = clock_timestamp()');
        while (await deliver());
      }
    },
    list: async (state: string) => (await app.inject({ url: `/notifications?state=${state}`, headers })).json().items,
    act: async (orderId: OrderId, act: 'resend' | 'give-up', payload: object) => {
      const url = `/notifications/${orderId}/${act}`;
      const response = await app.inject({ method: 'POST', url, headers, payload });
      return { status: response.statusCode, body: response.json() };
    },
    statuses: async () =>
      (await rowsOf<{ status: string }>(pool, 'select status from notifications order by cause_event_id')).map(
        ({ status }) => status,
      ),
  };
}

const orders = (count: number) =>
  Array.from({ length: count }, (_, index) => outcomeData({ contact: { email: `ada${index}@example.com` } }));

for (const [what, answers] of [
  ['refused to the recipient for the sake of our sender', { RCPT: '550 5.7.1 this sender is refused' }],
  ['refused to our sender', { MAIL: '550 5.1.1 who are you' }],
  ['refused for its words', { '.': '554 5.6.0 what words' }],
  ['refused after its words, without a reason', { '.': '554 no' }],
] as const) {
  test(`a mail that is ${what} is not given up: it waits for a person at once, and goes when the server takes it`, async (t) => {
    const now: Record<string, string | null> = { ...answers };
    const { pool, server, alarm, tryAll, list, statuses } = await mailing(t, now);
    await hear(
      pool,
      orders(3).map((order) => confirmed(order)),
    );
    assert.equal(await alarm(), null);
    await tryAll();
    assert.deepEqual(await statuses(), ['pending', 'pending', 'pending']);
    assert.match((await alarm()) ?? '', /\(npm run notifications\): mails waiting 3, since /);
    const waiting = await list('waiting');
    assert.deepEqual(
      waiting.map(({ email }: { email: string }) => email),
      ['ada0@example.com', 'ada1@example.com', 'ada2@example.com'],
    );
    assert.ok(waiting[0].lastAnswer.endsWith(Object.values(answers)[0]), waiting[0].lastAnswer);
    for (const verb of Object.keys(now)) delete now[verb];
    await tryAll();
    assert.deepEqual([await statuses(), await alarm()], [['sent', 'sent', 'sent'], null]);
    assert.equal(server.received.content.match(/^Message-ID/gm)?.length, answers['.' as never] === undefined ? 3 : 6);
  });
}

test('a mail whose recipient the server does not know is given up at once, also after its words', async (t) => {
  for (const answers of [{ RCPT: '550 5.1.1 no such user' }, { '.': '554 5.1.1 no such mailbox' }]) {
    const { pool, alarm, tryAll, statuses, list } = await mailing(t, answers);
    await hear(
      pool,
      orders(3).map((order) => confirmed(order)),
    );
    await tryAll();
    assert.deepEqual([await statuses(), await alarm()], [['refused', 'refused', 'refused'], null]);
    assert.equal((await list('refused')).length, 3);
  }
});

test('a refusal that does not say for whose sake is believed of one address, and of many when others are taken', async (t) => {
  const now: Record<string, string | null> = { RCPT: '550 no' };
  const { pool, alarm, tryAll, statuses } = await mailing(t, now);
  const [typo, first, second] = orders(3).map((order) => confirmed(order));
  assert.ok(typo !== undefined && first !== undefined && second !== undefined);
  await hear(pool, [typo]);
  await tryAll(2);
  assert.deepEqual(await statuses(), ['pending']);
  await tryAll();
  assert.deepEqual(await statuses(), ['refused']);
  await hear(pool, [first, second]);
  await tryAll(9);
  assert.deepEqual(await statuses(), ['refused', 'pending', 'pending']);
  assert.match((await alarm()) ?? '', /mails waiting 2/);
  delete now['RCPT'];
  await tryAll();
  assert.deepEqual([await statuses(), await alarm()], [['refused', 'sent', 'sent'], null]);
});

test('a mail that is not taken for a minute is an alarm, whatever the server says', async (t) => {
  const { pool, alarm, tryAll } = await mailing(t, { RCPT: '452 4.2.2 full' });
  await hear(pool, [confirmed(outcomeData())]);
  await tryAll(5);
  assert.equal(await alarm(), null);
  await pool.query(`update notifications set failing_since = failing_since - $1 * interval '1 millisecond'`, [
    takenDueMs,
  ]);
  assert.match((await alarm()) ?? '', /mails waiting 1/);
});

test('an operator gives a mail up, and what comes next of the order goes out', async (t) => {
  const now: Record<string, string | null> = { '.': '554 5.6.0 what words' };
  const { pool, alarm, tryAll, list, act, statuses } = await mailing(t, now);
  const data = outcomeData();
  await hear(pool, [confirmed(data), cancelled(data)]);
  await tryAll();
  const reason = 'Told by telephone.';
  const { orderId } = data;
  const first = await act(orderId, 'give-up', { outcome: 'confirmed', reason });
  const items = [
    { outcome: 'confirmed', status: 'refused' },
    { outcome: 'cancelled', status: 'pending' },
  ];
  assert.deepEqual(first, { status: 200, body: { orderId, changed: 1, items } });
  assert.equal((await act(orderId, 'give-up', { outcome: 'confirmed', reason })).body.changed, 0);
  delete now['.'];
  await tryAll();
  assert.deepEqual([await statuses(), await alarm()], [['refused', 'sent'], null]);
  const [{ id, actedAt, ...done }, ...more] = await list('acts');
  assert.ok(id.length > 0 && actedAt.length > 0);
  assert.deepEqual(more, []);
  assert.deepEqual(done, {
    ...{ orderId, outcome: 'confirmed', act: 'give_up', changesAddress: false, operator: 'grace', reason },
  });
  assert.deepEqual((await act(orderId, 'give-up', { outcome: 'cancelled', reason })).body.code, 'sent_already');
});

test('an operator has a mail sent to an address that there is, once, under the same Message-ID', async (t) => {
  const now: Record<string, string | null> = { RCPT: '550 5.1.1 no such user' };
  const { pool, server, tryAll, list, act, statuses } = await mailing(t, now);
  const data = outcomeData();
  const { orderId } = data;
  await hear(pool, [confirmed(data)]);
  await tryAll();
  assert.deepEqual(await statuses(), ['refused']);
  const word = { to: 'ada@example.org', reason: 'She mistyped it, and called.' };
  delete now['RCPT'];
  assert.deepEqual((await act(orderId, 'resend', word)).body.items, [{ outcome: 'confirmed', status: 'pending' }]);
  await tryAll();
  assert.deepEqual(await statuses(), ['sent']);
  assert.ok(server.received.commands.includes('RCPT TO:<ada@example.org>'));
  assert.match(server.received.content, new RegExp(`^Message-ID:\\s+<${orderId}\\.confirmed@`, 'm'));
  const again = await act(orderId, 'resend', word);
  assert.deepEqual([again.status, again.body.code], [409, 'sent_already']);
  const [done] = await list('acts');
  assert.deepEqual([done.act, done.changesAddress, done.reason], ['resend', true, word.reason]);
  const said = await rowsOf(pool, 'select type, aggregate_version, lamport > 9 as later from outbox');
  assert.deepEqual(said, [{ type: 'notification.sent', aggregate_version: 1, later: true }]);
});

test('an act of nothing, of nobody or without a reason is refused', async (t) => {
  const { pool, act } = await mailing(t, {});
  const data = outcomeData({ contact: { email: null } });
  await hear(pool, [confirmed(data)]);
  const reason = 'Why not.';
  for (const [orderId, payload, status, code] of [
    [data.orderId, { reason }, 409, 'no_address'],
    [data.orderId, { outcome: 'cancelled', reason }, 404, 'not_found'],
    [newId<OrderId>(), { reason }, 404, 'not_found'],
    [data.orderId, {}, 400, 'invalid_request'],
    [data.orderId, { reason: ' ' }, 400, 'invalid_request'],
    [data.orderId, { reason, to: 'ada' }, 400, 'invalid_request'],
  ] as const) {
    const answer = await act(orderId, 'resend', payload);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(payload));
  }
});
