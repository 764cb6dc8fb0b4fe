import { randomUUID } from 'node:crypto';
import type { ServiceName, Topic } from '@sagamart/contracts/topics';
import type { SceneName } from '@sagamart/saboteurs/saboteur';
import { createGroupProgress } from '@sagamart/service-kit/group-progress';
import type { PartName } from '@sagamart/stack/part';
import { controlPart } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { withHeldBack } from '../held-back.ts';
import { waitForLedger, withTrouble } from '../provider-controls.ts';
import { produceAllAgain } from './repetition.ts';
import type { Stage } from './stage.ts';

/** Each steers one fault into the shop. Played in a whole shop it leaves nothing broken. */
export const scenes: Readonly<Record<SceneName, (stage: Stage) => Promise<void>>> = {
  'business as usual': async (stage) => {
    const paid = Array.from({ length: 2 + stage.random.below(3) }, () => 'tok_visa');
    for (const method of stage.random.shuffled(['tok_declined', ...paid]))
      await untilDecided(stage, await stage.placeOrder(method));
  },

  'a request is sent twice': async ({ client, customer }) => {
    const order = {
      lines: [{ sku: await client.createProduct({ stock: 9 }), quantity: 1 }],
      paymentMethod: 'tok_visa',
    };
    const key = randomUUID();
    await client.sendOrder(customer.token, order, key);
    await client.sendOrder(customer.token, order, key);
  },

  'everything is heard twice': async (stage) => {
    const { orderId } = await placeConfirmed(stage);
    await stage.untilHeard('order', 'notification.sent', orderId);
    await produceAllAgain(stage.shop);
  },

  'the last unit is wanted by many, and by one more later': async (stage) => {
    const { client, customer } = stage;
    const sku = await client.createProduct({ stock: 1 });
    const orders = 10 + stage.random.below(5);
    const want = () => client.placeOrder(customer.token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
    const placed = await withStopped(stage, 'inventory', () => Promise.all(Array.from({ length: orders }, want)));
    for (const order of placed) await untilDecided(stage, order);
    await untilDecided(stage, await want());
  },

  'a paid order is cancelled': async (stage) => {
    const { orderId } = await placeConfirmed(stage);
    await stage.client.cancelOrder(stage.customer.token, orderId);
    await stage.untilHeard('payment', 'order.cancelled', orderId);
  },

  'the provider is down': async (stage) => {
    const order = await withTrouble(stage.shop, { down: true }, async () => {
      const placed = await stage.placeOrder();
      const wasAsked = "select from payments where order_id = $1 and (attempts > 0 or status = 'captured')";
      await stage.untilFound('payment', wasAsked, [placed.orderId]);
      return placed;
    });
    await untilDecided(stage, order);
  },

  "the provider's answer is lost": async (stage) => {
    await withTrouble(stage.shop, { lostReplies: 1 }, async () => untilDecided(stage, await stage.placeOrder()));
  },

  'a cancellation while the provider is asked': (stage) =>
    cancelWhileCapturing(stage, (orderId) => waitForLedger(stage.shop, orderId, 'capture')),

  "the provider's answer comes after the cancellation": (stage) =>
    cancelWhileCapturing(stage, (orderId) => stage.untilHeard('order', 'payment.refunded', orderId)),

  'stock that is held after the deadline': async (stage) => {
    const { orderId } = await withStopped(stage, 'inventory', async () => {
      const order = await stage.placeOrder();
      const deadlineMs = Date.parse(order.deadline);
      await waitUntil('the deadline passes', () => Date.now() > deadlineMs, deadlineMs + 1_000 - Date.now());
      return order;
    });
    await stage.untilHeard('payment', 'stock.reserved', orderId);
  },

  'a cancellation overtakes the stock': async (stage) => {
    const { shop, customer, client } = stage;
    const { orderId } = await withStopped(stage, 'payment', async () => {
      const order = await stage.placeOrder();
      // Heard by somebody, so it is in its topic.
      await stage.untilHeard('order', 'stock.reserved', order.orderId);
      await client.cancelOrder(customer.token, order.orderId);
      await stage.untilHeard('inventory', 'order.cancelled', order.orderId);
      await withHeldBack(shop, { listener: 'payment', topic: 'inventory.events' }, () =>
        stage.untilHeard('payment', 'order.cancelled', order.orderId),
      );
      return order;
    });
    await stage.untilHeard('payment', 'stock.reserved', orderId);
  },

  'a cancellation overtakes the order': async (stage) => {
    const { shop, customer, client } = stage;
    const { orderId } = await withStopped(stage, 'inventory', async () => {
      const order = await stage.placeOrder();
      await stage.untilHeard('payment', 'order.placed', order.orderId);
      await withHeldBack(shop, { listener: 'inventory', topic: 'order.events' }, async () => {
        await client.cancelOrder(customer.token, order.orderId);
        await stage.untilHeard('inventory', 'order.cancelled', order.orderId);
      });
      return order;
    });
    await stage.untilHeard('inventory', 'order.placed', orderId);
  },

  'a crash right after the commit': async (stage) => {
    const customerId = await crashOnceFound(stage, 'order', 'select from orders where customer_id = $1');
    const isTold = 'select from orders where customer_id = $1 and cardinality(notifications_heard) > 0';
    await stage.untilFound('order', isTold, [customerId]);
  },

  // Whoever can be seen to have heard of an order tells that it was spoken of.
  'a crash right before the commit': async (stage) => {
    await crashOnceFound(stage, 'inventory', 'select from reservations where customer_id = $1');
  },

  'a crash right after the offsets are committed': async (stage) => {
    await placeConfirmed(stage);
    await untilTaken(stage, 'notification', 'order.events');
    await controlPart(stage.shop.home, 'notification', 'kill');
  },

  'the mail server is down': async (stage) => {
    await withStopped(stage, 'mail', async () => {
      const { orderId } = await stage.placeOrder();
      await stage.untilFound('notification', 'select from notifications where order_id = $1 and attempts > 0', [
        orderId,
      ]);
    });
  },
};

async function placeConfirmed(stage: Stage): Promise<{ orderId: string }> {
  const { orderId } = await stage.placeOrder();
  await stage.untilHeard('inventory', 'order.confirmed', orderId);
  return { orderId };
}

async function untilDecided(stage: Stage, { orderId }: { orderId: string }): Promise<void> {
  await stage.client.orderWhere(stage.customer.token, orderId, ({ status }) => status !== 'pending', 60_000);
}

async function cancelWhileCapturing(stage: Stage, end: (orderId: string) => Promise<void>): Promise<void> {
  await withTrouble(stage.shop, { latencyMs: 3_000 }, async () => {
    const { orderId } = await stage.placeOrder();
    await stage.untilFound('payment', "select from payments where order_id = $1 and status = 'capturing'", [orderId]);
    await stage.client.cancelOrder(stage.customer.token, orderId);
    await stage.untilHeard('payment', 'order.cancelled', orderId);
    await end(orderId);
  });
}

async function withStopped<T>(stage: Stage, part: PartName, run: () => Promise<T>): Promise<T> {
  await controlPart(stage.shop.home, part, 'stop');
  try {
    return await run();
  } finally {
    await controlPart(stage.shop.home, part, 'start');
  }
}

/** Resolves when, as far as Kafka knows, a service is done with all that stands in a topic. */
async function untilTaken({ shop }: Stage, groupId: ServiceName, topic: Topic): Promise<void> {
  const progress = createGroupProgress({ brokers: shop.kafkaBrokers, groupId });
  const isTaken = async () => {
    const { ends, committed } = await progress.read([topic]);
    const done = committed.get(topic);
    return [...(ends.get(topic) ?? [])].every(([partition, end]) => end === 0n || (done?.get(partition) ?? 0n) >= end);
  };
  try {
    await waitUntil(`${groupId} has taken all of ${topic}`, isTaken, 30_000);
  } finally {
    await progress.close();
  }
}

/** A new customer's first order, and a crash of the order service as soon as there is a trace of it. */
async function crashOnceFound(stage: Stage, where: 'order' | 'inventory', sql: string): Promise<string> {
  const { client, shop } = stage;
  const sku = await client.createProduct({ stock: 9 });
  const { token, customerId } = await client.openSession({ email: 'grace@example.com' });
  // Whether this is answered before the crash is not what this is about.
  const sent = client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' }).catch(() => null);
  await stage.untilFound(where, sql, [customerId]);
  await controlPart(shop.home, 'order', 'kill');
  await sent;
  const isBack = async () => (await client.call('GET', '/v1/orders', { token })).status === 200;
  await waitUntil('the order service is back', isBack, 30_000);
  return customerId;
}
