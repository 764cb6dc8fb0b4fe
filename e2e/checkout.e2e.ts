import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books } = await enterShop();

test('an order that is paid is confirmed, its stock is committed and its customer is told', async () => {
  const sku = await client.createProduct({ stock: 10, priceMinor: 1_250 });
  const { token } = await client.openSession({ email: 'ada@example.com' });

  const placed = await client.placeOrder(token, {
    lines: [{ sku, quantity: 2, expectedPriceMinor: 1_250 }],
    paymentMethod: 'tok_visa',
  });
  assert.equal(placed.status, 'pending');
  assert.equal(placed.totalMinor, 2_500);
  assert.equal(placed.currency, 'EUR');

  const order = await client.orderWhere(
    token,
    placed.orderId,
    (each) => each.notifications.some(({ status }) => status === 'sent') && each.stock.status === 'committed',
  );
  assert.equal(order.status, 'confirmed');
  assert.equal(order.payment.status, 'captured');
  assert.deepEqual(order.lines, [{ sku, name: 'Stoneware mug', quantity: 2, unitPriceMinor: 1_250 }]);
  assert.equal(await client.available(sku), 8);
});

test('the timeline of an order tells every event once, causes before effects', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  await waitForRest(books);

  const timeline = await client.readTimeline(token, orderId);
  assert.deepEqual(
    timeline.map(({ type }) => type),
    ['order.placed', 'stock.reserved', 'payment.captured', 'order.confirmed', 'stock.committed', 'notification.sent'],
  );
  const seen = new Map<string, number>();
  for (const { id, lamport, causationId } of timeline) {
    if (causationId !== null)
      assert.ok((seen.get(causationId) ?? Infinity) < lamport, `the cause of ${id} comes before it`);
    seen.set(id, lamport);
  }
});

test('an order of more than there is is cancelled as out of stock, and nobody pays', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 2 }], paymentMethod: 'tok_visa' });

  const order = await client.orderWhere(
    token,
    orderId,
    ({ status, payment }) => status === 'cancelled' && payment.status === 'voided',
  );
  assert.equal(order.reason, 'out_of_stock');
  assert.equal(order.stock.status, 'rejected');
  assert.equal(await client.available(sku), 1);
});

test('an order of which one line is short reserves no line at all', async () => {
  const [plenty, none] = await Promise.all([client.createProduct({ stock: 5 }), client.createProduct({ stock: 0 })]);
  const { token } = await client.openSession();
  const { orderId } = await client.placeOrder(token, {
    lines: [plenty, none].map((sku) => ({ sku, quantity: 1 })),
    paymentMethod: 'tok_visa',
  });

  const order = await client.orderWhere(token, orderId, ({ status }) => status === 'cancelled');
  assert.equal(order.reason, 'out_of_stock');
  assert.equal(await client.available(plenty), 5);
});

test('an order whose card is declined is cancelled, and its stock comes back', async () => {
  const sku = await client.createProduct({ stock: 3 });
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 3 }], paymentMethod: 'tok_declined' });

  const order = await client.orderWhere(
    token,
    orderId,
    ({ status, stock }) => status === 'cancelled' && stock.status === 'released',
  );
  assert.equal(order.reason, 'payment_declined');
  assert.equal(order.payment.status, 'declined');
  assert.equal(await client.available(sku), 3);
});

test('a customer without an address is told nothing, and the order goes through all the same', async () => {
  const sku = await client.createProduct({ stock: 1 });
  const { token } = await client.openSession();
  const { orderId } = await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  const order = await client.orderWhere(token, orderId, ({ notifications }) => notifications.length > 0);
  assert.deepEqual(
    order.notifications.map(({ status }) => status),
    ['no_address'],
  );
});

test('the same sku twice in one order counts together', async () => {
  const sku = await client.createProduct({ stock: 5 });
  const { token } = await client.openSession();
  const twice = (quantity: number) => [
    { sku, quantity },
    { sku, quantity },
  ];

  const tooMany = await client.placeOrder(token, { lines: twice(3), paymentMethod: 'tok_visa' });
  assert.equal(
    (await client.orderWhere(token, tooMany.orderId, ({ status }) => status !== 'pending')).reason,
    'out_of_stock',
  );
  const enough = await client.placeOrder(token, { lines: twice(2), paymentMethod: 'tok_visa' });
  assert.equal(
    (await client.orderWhere(token, enough.orderId, ({ status }) => status !== 'pending')).status,
    'confirmed',
  );
  assert.equal(await client.available(sku), 1);
});

test('a customer lists their own orders, newest first, page by page', async () => {
  const sku = await client.createProduct({ stock: 9 });
  const { token } = await client.openSession();
  const orderIds: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    orderIds.unshift(
      (await client.placeOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' })).orderId,
    );
  }
  const listed: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await client.listOrders(token, `?limit=2${cursor && `&cursor=${cursor}`}`);
    listed.push(...page.orderIds);
    cursor = page.nextCursor;
  }
  assert.deepEqual(listed, orderIds);
});
