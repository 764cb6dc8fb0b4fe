import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBooks } from '@sagamart/auditor/open-books';
import type { Report } from '@sagamart/auditor/report';
import { controlPart } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop, books } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });
const sku = await client.createProduct({ stock: 10 });
const program = join(import.meta.dirname, '../packages/auditor/src/cli.ts');

async function placeConfirmed(): Promise<string> {
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
  return orderId;
}

test('an order that waits for a service that is down is in flight, not broken; when it had time enough it is stuck', async (t) => {
  const impatient = await openBooks(shop, { settleMs: 0, provenAfterMs: 0 });
  t.after(() => impatient.close());
  await controlPart(shop.home, 'notification', 'stop');
  try {
    const orderId = await placeConfirmed();
    const waitsFor = /^notification has not heard order\.confirmed \(event /;
    const waiting = await waitUntil('the order waits for notification alone', async () => {
      const { inFlight, findings } = await books.look();
      assert.deepEqual(findings, []);
      const order = inFlight.find(({ about }) => about === orderId);
      return order?.waitsFor.every((what) => what.startsWith('notification ')) && order;
    });
    assert.ok(
      waiting.waitsFor.some((what) => waitsFor.test(what)),
      waiting.waitsFor.join(),
    );
    await impatient.look();
    const { findings } = await impatient.look();
    const broken = findings.filter(({ about }) => about === orderId);
    assert.deepEqual(
      new Set(broken.map(({ invariant }) => invariant)),
      new Set(['stuck', 'told_once', 'nothing_twice']),
    );
    assert.ok(broken.some(({ invariant, detail }) => invariant === 'stuck' && waitsFor.test(detail)));
  } finally {
    await controlPart(shop.home, 'notification', 'start');
  }
});

test('a row that was changed by hand is found by the order it is about, and forgotten when it is put right', async (t) => {
  const orderId = await placeConfirmed();
  await books.settle({ deadlineMs: 60_000 });
  const fresh = await openBooks(shop, { provenAfterMs: 0 });
  t.after(() => fresh.close());
  const owner = new Client({ connectionString: ownerUrl(shop, 'payment') });
  await owner.connect();
  t.after(() => owner.end());
  const change = (amount: number) =>
    owner.query('update payments set amount_minor = amount_minor + $2 where order_id = $1', [orderId, amount]);
  await change(1);
  try {
    const { findings } = await fresh.settle({ deadlineMs: 0 });
    assert.deepEqual(
      new Set(findings.map(({ invariant, about }) => `${invariant} ${about}`)),
      new Set([`money ${orderId}`]),
    );
  } finally {
    await change(-1);
  }
  assert.deepEqual((await fresh.look()).findings, []);
});

test('a database that is down is named as unread, and nothing is blamed on the shop', async () => {
  await controlPart(shop.home, 'payment-db', 'stop');
  try {
    const { unread, findings } = await books.look();
    assert.deepEqual([unread.length, findings], [1, []]);
    assert.match(unread[0] ?? '', /^payment database: /);
  } finally {
    await controlPart(shop.home, 'payment-db', 'start');
  }
});

test('npm run audit tells the figures and 0 when the books balance', async () => {
  await placeConfirmed();
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--json'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stdout + stderr);
  const { balanced, counts, invariants, unread } = JSON.parse(stdout) as Report;
  assert.deepEqual([balanced, unread, invariants.flatMap(({ findings }) => findings)], [true, [], []]);
  assert.ok(counts.orders > 0 && counts.keys >= counts.orders && counts.events >= 5 * counts.orders);
});

test('npm run audit -- --watch tells what it sees until Ctrl-C, and then its verdict', async (t) => {
  const watch = spawn(process.execPath, [program, '--watch'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => watch.kill('SIGKILL'));
  const ended = once(watch, 'close');
  let said = '';
  watch.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await waitUntil('the first look', async () => said.includes('Ctrl-C ends the watch'), 60_000);
  watch.kill('SIGINT');
  assert.deepEqual(await ended, [0, null], said);
  assert.match(said, /The books balance: \d+ orders at rest, \d+ in flight/);
});
