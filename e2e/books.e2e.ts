import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Books, Invariant } from '@sagamart/auditor/books';
import { compareBooks } from '@sagamart/auditor/compare-books';
import type { ServiceName } from '@sagamart/contracts/topics';
import { ownerUrl } from './owner-url.ts';
import { Client } from 'pg';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books, shop } = await enterShop();

const sku = await client.createProduct({ stock: 5 });
const { token } = await client.openSession({ email: 'ada@example.com' });
for (const paymentMethod of ['tok_visa', 'tok_declined'])
  await client.placeOrder(token, { lines: [{ sku, quantity: 2 }], paymentMethod });
const refunded = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
await client.orderWhere(token, refunded.orderId, ({ status }) => status === 'confirmed');
assert.equal((await client.cancelOrder(token, refunded.orderId)).status, 202);
await waitForRest(books);

type RowTampering = { service: ServiceName; what: string; sql: string; finds: Invariant };

// Each changes one row of the real database, in a transaction that only the comparison sees and that is rolled back.
const rowTamperings: RowTampering[] = [
  {
    service: 'order',
    what: 'a total one cent higher',
    sql: "update orders set total_minor = total_minor + 1 where order_id = (select order_id from orders where status = 'confirmed' order by order_id desc limit 1)",
    finds: 'money',
  },
  {
    service: 'order',
    what: 'an event that was never said',
    sql: 'delete from outbox where event_id = (select event_id from outbox order by event_id desc limit 1)',
    finds: 'nothing_lost',
  },
  {
    service: 'order',
    what: 'an answer that was never given',
    sql: 'delete from idempotency_keys where ctid = (select ctid from idempotency_keys order by ctid desc limit 1)',
    finds: 'keys',
  },
  {
    service: 'inventory',
    what: 'a unit more on hand',
    sql: 'update stock set on_hand = on_hand + 1 where sku = (select sku from stock_movements where order_id is not null order by sku desc limit 1)',
    finds: 'stock',
  },
  {
    service: 'inventory',
    what: 'a movement that never was',
    sql: "delete from stock_movements where movement_id = (select movement_id from stock_movements where kind = 'commit' order by movement_id desc limit 1)",
    finds: 'stock',
  },
  {
    service: 'inventory',
    what: 'an event that was never heard',
    sql: 'delete from inbox where event_id = (select event_id from inbox order by event_id desc limit 1)',
    finds: 'nothing_twice',
  },
  {
    service: 'payment',
    what: 'another capture',
    sql: "update payments set capture_id = 'cap_forged' where order_id = (select order_id from payments where status = 'captured' order by order_id desc limit 1)",
    finds: 'money',
  },
  {
    service: 'payment',
    what: 'another refund',
    sql: "update payments set refund_id = 'ref_forged' where order_id = (select order_id from payments where status = 'refunded' order by order_id desc limit 1)",
    finds: 'money',
  },
  {
    service: 'payment',
    what: 'an earlier Lamport time',
    sql: 'update outbox set lamport = 1 where event_id = (select event_id from outbox order by event_id desc limit 1)',
    finds: 'cause_first',
  },
  {
    service: 'notification',
    what: 'a customer who was never told',
    sql: 'delete from notifications where ctid = (select ctid from notifications order by ctid desc limit 1)',
    finds: 'told_once',
  },
  {
    service: 'notification',
    what: 'a later version',
    sql: 'update outbox set aggregate_version = 7 where event_id = (select event_id from outbox order by event_id desc limit 1)',
    finds: 'nothing_lost',
  },
];

for (const { service, what, sql, finds } of rowTamperings) {
  test(`${what} in the ${service} database does not go unseen`, async () => {
    const tamperer = new Client({ connectionString: ownerUrl(shop, service) });
    await tamperer.connect();
    try {
      await tamperer.query('begin isolation level repeatable read');
      assert.equal((await tamperer.query(sql)).rowCount, 1, 'exactly one row is tampered with');
      assertFinds(finds, await books.read({ [service]: tamperer }));
    } finally {
      await tamperer.query('rollback');
      await tamperer.end();
    }
  });
}

type ReadTampering = { where: string; what: string; finds: Invariant; tamper: (told: Books) => Books };

// What stands in Kafka, in the provider's ledger and in the mail catcher cannot be taken back, so here the reading is tampered with.
const readTamperings: ReadTampering[] = [
  {
    where: 'the topics',
    what: 'a record that never arrived',
    finds: 'nothing_lost',
    tamper: (told) => ({ ...told, records: told.records.slice(1) }),
  },
  {
    where: 'the topics',
    what: 'a record with other data',
    finds: 'nothing_lost',
    tamper: (told) => ({ ...told, records: changeLast(told.records, { digest: 'another' }) }),
  },
  {
    where: 'the topics',
    what: 'a record with a later version',
    finds: 'order_per_key',
    tamper: (told) => ({ ...told, records: changeLast(told.records, { version: 9 }) }),
  },
  {
    where: 'the ledger',
    what: 'a capture of one cent',
    finds: 'money',
    tamper: (told) => ({ ...told, ledger: changeLast(told.ledger, { amountMinor: 1, kind: 'capture' }) }),
  },
  {
    where: 'the ledger',
    what: 'a capture that is gone',
    finds: 'money',
    tamper: (told) => ({ ...told, ledger: withoutLast(told.ledger, ({ kind }) => kind === 'capture') }),
  },
  {
    where: 'the ledger',
    what: 'a refund that never was',
    finds: 'money',
    tamper: (told) => ({ ...told, ledger: withoutLast(told.ledger, ({ kind }) => kind === 'refund') }),
  },
  {
    where: 'the mail catcher',
    what: 'a mail that never arrived',
    finds: 'told_once',
    tamper: (told) => ({ ...told, mails: told.mails.slice(1) }),
  },
  {
    where: 'the mail catcher',
    what: 'a mail of an order there is not',
    finds: 'told_once',
    tamper: (told) => ({ ...told, mails: [...told.mails, 'x.confirmed@sagamart.example'] }),
  },
];

for (const { where, what, finds, tamper } of readTamperings) {
  test(`${what} in ${where} does not go unseen`, async () => {
    assertFinds(finds, tamper(await books.read()));
  });
}

test('a database that lets a role of another service in does not go unseen', async () => {
  const walled = await books.read();
  assert.ok(walled.doors.filter(({ open }) => !open).length >= 12, 'every auditor was tried on every other database');
  assertFinds('walls', {
    ...walled,
    doors: walled.doors.map((door) => ({ ...door, open: door.service === 'payment' })),
  });
  assert.notEqual(shop.auditorUrls.order, shop.auditorUrls.payment);
});

function assertFinds(invariant: Invariant, told: Books): void {
  const findings = compareBooks(told);
  assert.ok(
    findings.some((finding) => finding.invariant === invariant),
    `expected a finding of ${invariant}, got ${JSON.stringify(findings)}`,
  );
}

function changeLast<T>(items: readonly T[], change: Partial<T>): T[] {
  const last = items.at(-1);
  assert.ok(last !== undefined);
  return [...items.slice(0, -1), { ...last, ...change }];
}

function withoutLast<T>(items: readonly T[], isMeant: (item: T) => boolean): T[] {
  const index = items.findLastIndex(isMeant);
  assert.notEqual(index, -1);
  return items.toSpliced(index, 1);
}
