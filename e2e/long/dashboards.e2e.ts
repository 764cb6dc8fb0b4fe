import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dashboards } from '@sagamart/dashboards/dashboards';
import { controlPart } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { withTrouble } from '../provider-controls.ts';
import { enterShop, waitForRest } from '../shop-under-test.ts';
import { openPrometheus } from './shop-prometheus.ts';

const { client, shop, books } = await enterShop();
const { query } = await openPrometheus({ windowFactor: 0.4 });

const confirmed = 40;
const declined = 12;
const outOfStock = 8;
const cancelledLater = 4;
const seriesMax = 5_000;

test('after a known load every panel of every dashboard has data, what counts is what was sent, and nothing private is in it', async (t) => {
  const { token } = await client.openSession({ email: 'planted-address@example.com' });
  const sku = await client.createProduct({ stock: confirmed + declined });
  const scarce = await client.createProduct({ stock: 1 });
  const place = async (count: number, what: string, quantity: number, paymentMethod: string) => {
    const orderIds: string[] = [];
    while (orderIds.length < count)
      orderIds.push((await client.placeOrder(token, { lines: [{ sku: what, quantity }], paymentMethod })).orderId);
    return orderIds;
  };
  const visa = await place(confirmed, sku, 1, 'tok_visa');
  await place(declined, sku, 1, 'tok_declined');
  await place(outOfStock, scarce, 2, 'tok_visa');
  for (const orderId of visa.slice(0, cancelledLater)) {
    await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
    assert.equal((await client.cancelOrder(token, orderId)).status, 202);
  }
  await waitForRest(books);

  const expected = new Map([
    ['Orders taken', confirmed + declined + outOfStock],
    ['Confirmed', confirmed],
    ['Cancelled before', declined + outOfStock],
    ['Undecided now', 0],
    ['Refunds under way', 0],
    ['Customers not told yet', 0],
    ['Checkouts answered without an error', 1],
    ['Messages waiting for an operator', 0],
    ['Services up', 6],
  ]);
  await lookAfter(Date.now(), 'up');
  // Between two looks Prometheus reckons that the count goes on as before: only at the moment of a look it is what was counted.
  const seenAt = await lookAfter(Date.now(), 'up{service="order"}');
  for (const [name, { panels }] of Object.entries(dashboards)) {
    for (const { title } of panels) {
      const values = await panelValues(name, title, seenAt);
      assert.ok(
        values.some((value) => !Number.isNaN(value)),
        `${name}: ${title} has no data`,
      );
      const wanted = name === 'shop' ? expected.get(title) : undefined;
      if (wanted !== undefined) assert.equal(values[0], wanted, title);
    }
  }

  const targets = await query('up');
  for (const { labels } of targets) {
    const text = await (await fetch(`http://${labels['instance']}/metrics`)).text();
    for (const planted of ['planted', 'tok_', token, ...visa])
      assert.equal(text.includes(planted), false, `${labels['service']} shows ${planted.slice(0, 20)}`);
  }
  const [series] = await query('count({__name__=~".+"})');
  t.diagnostic(`${series?.value} series`);
  assert.ok(series !== undefined && series.value < seriesMax);
});

test('orders that wait for the provider, refunds that are owed and customers that are not told are counted as long as they are', async () => {
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const [sku, scarce] = [await client.createProduct({ stock: 10 }), await client.createProduct({ stock: 1 })];
  const place = (what: string, quantity: number) =>
    client.placeOrder(token, { lines: [{ sku: what, quantity }], paymentMethod: 'tok_visa' });
  const later = await Promise.all([place(sku, 1), place(sku, 1)]);
  const isTold = ({ status }: { status: string }) => status === 'sent';
  for (const { orderId } of later)
    await client.orderWhere(token, orderId, ({ notifications }) => notifications.some(isTold));
  await controlPart(shop.home, 'mail', 'stop');
  try {
    await withTrouble(shop, { down: true }, async () => {
      for (const { orderId } of later) assert.equal((await client.cancelOrder(token, orderId)).status, 202);
      const undecided = await Promise.all(Array.from({ length: 4 }, () => place(sku, 1)));
      await place(scarce, 2);
      for (const { orderId } of undecided)
        await client.orderWhere(token, orderId, ({ payment }) => payment.status === 'capturing');
      const titles = ['Undecided now', 'Refunds under way', 'Customers not told yet'];
      const shown = () => Promise.all(titles.map((title) => panelValues('shop', title)));
      await waitUntil(`${titles.join()} to be 4, 2, 3`, async () => (await shown()).join() === '4,2,3', 30_000);
    });
  } finally {
    await controlPart(shop.home, 'mail', 'start');
  }
});

/** When Prometheus has looked at all of these after a moment, in Unix seconds. */
async function lookAfter(momentMs: number, targets: string): Promise<number> {
  const all = await query(targets);
  const seen = await waitUntil(
    `a look at ${targets}`,
    async () => {
      const looks = await query(`timestamp(${targets}) > ${momentMs / 1_000}`);
      return looks.length === all.length && looks;
    },
    30_000,
  );
  return Math.max(...seen.map(({ value }) => value));
}

async function panelValues(dashboard: string, title: string, atSeconds?: number): Promise<number[]> {
  const panel = dashboards[dashboard]?.panels.find((each) => each.title === title);
  assert.ok(panel, `the dashboard ${dashboard} has no panel ${title}`);
  const filled = panel.query
    .replaceAll('$__range', '15m')
    .replaceAll('$__rate_interval', '2m')
    .replaceAll('$service', 'order');
  return (await query(filled, atSeconds)).map(({ value }) => value);
}
