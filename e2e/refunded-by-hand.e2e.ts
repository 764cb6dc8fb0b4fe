import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { inLedger, refundByHand } from './provider-desk.ts';
import { withTrouble } from './provider-controls.ts';
import { followRunbook } from './runbook.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });

const healsWithinMs = 15_000;
const alarmWithinMs = 20_000;

test('a refund that was made by hand before ours is taken over from the books of the provider', async () => {
  const orderId = await paidOrder();
  const refundId = await refundByHand(shop, orderId);

  const sinceMs = Date.now();
  assert.equal((await client.cancelOrder(token, orderId)).status, 202);
  await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'refunded');
  assert.ok(Date.now() - sinceMs < healsWithinMs, `${Date.now() - sinceMs} ms`);
  await waitForRest(books);
  const refunds = (await client.readTimeline(token, orderId)).filter(({ type }) => type === 'payment.refunded');
  assert.deepEqual(
    refunds.map(({ data }) => (data as { refundId: string }).refundId),
    [refundId],
  );
  const settled = await payments('list', '--state', 'settled');
  assert.match(
    settled,
    new RegExp(`${orderId} {2}refunding → refunded ${refundId}, found in the provider's books: .*409`),
  );
});

test('a refund that no answer ends is listed with the last one, and a person ends it', async () => {
  const orderId = await paidOrder();
  await withTrouble(shop, { nonsense: 'bad_json' }, async () => {
    assert.equal((await client.cancelOrder(token, orderId)).status, 202);
    const { refundId } = await inLedger(shop, orderId, 'refund');
    await waitUntil('the alarm', async () => (await alarm())?.includes('npm run payments'), alarmWithinMs);
    assert.match(await payments(), new RegExp(`${orderId} {2}refunding since .*\\n.*\\n.*looked up: `));
    const values = { 'order id': orderId, 'refund id': String(refundId) };
    const settling = 'npm run payments -- settle <order id> --refund <refund id> --reason';
    const how = await followRunbook('refund-overdue', `${settling} "why"`, values);
    assert.match(how, /is refunded: settled now\./);
    const again = await followRunbook(
      'payment-waits',
      `${settling} "given back by hand on Monday, says Ms Moore"`,
      values,
    );
    assert.match(again, /is refunded: settled before\./);
    await assert.rejects(payments('settle', orderId, '--voided', '--reason', 'A slip.'), /does_not_follow/);
    await waitUntil('the end of the alarm', async () => (await alarm()) === undefined, alarmWithinMs);
    await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'refunded');
  });
  await waitForRest(books);
  assert.match(await payments('list', '--state', 'settled'), /by \S+: why/);
});

async function paidOrder(): Promise<string> {
  const sku = await client.createProduct({ stock: 1 });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
  return orderId;
}

async function alarm(): Promise<string | undefined> {
  return (await readShopStatus(shop.home)).parts.find(({ name }) => name === 'payment')?.detail;
}

/** What `npm run payments` prints; rejects with what it complains of. */
async function payments(...words: string[]): Promise<string> {
  const program = join(import.meta.dirname, '../packages/stack/src/payments-cli.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words, '--as', 'grace']);
  return stdout;
}
