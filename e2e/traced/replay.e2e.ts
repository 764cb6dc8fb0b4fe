import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Client } from 'pg';
import { ownerUrl } from '../owner-url.ts';
import { enterShop } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from './spans.ts';

const { client, shop } = await enterShop();
const operator = await client.operatorToken();
const parkedWithinMs = 30_000;

/** The id of the one message of the order that is parked. */
async function parkedOf(orderId: string): Promise<string> {
  return waitUntil(
    `a message of ${orderId} to be parked`,
    async () => {
      const answer = await client.call('GET', '/v1/parked-messages?limit=100&status=parked', { token: operator });
      const { items } = answer.body as { items: { id: string; key: string }[] };
      return items.find(({ key }) => key === orderId)?.id ?? false;
    },
    parkedWithinMs,
  );
}

test('what an operator replays runs in the trace of its order, with a link to the operator’s request, and so does all that comes of it', async () => {
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const sku = await client.createProduct({ stock: 1 });
  const owner = new Client({ connectionString: ownerUrl(shop, 'inventory') });
  await owner.connect();
  const broken = 'e2e_broken';
  await owner.query(`alter table stock add constraint ${broken} check (sku <> '${sku}') not valid`);
  const placed = await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' });
  let parkedId: string;
  try {
    parkedId = await parkedOf((placed.body as { orderId: string }).orderId);
  } finally {
    await owner.query(`alter table stock drop constraint ${broken}`);
    await owner.end();
  }
  const replay = await client.call('POST', `/v1/parked-messages/${parkedId}/replay`, { token: operator });
  assert.equal(replay.status, 200, replay.text);

  const spans = await traceWhere(traceIdOfAnswer(placed), (found) =>
    ['notification: send mail', 'payment: process stock.reserved', 'inventory: process order.placed'].every((said) =>
      edgesOf(found).some((edge) => edge.endsWith(said)),
    ),
  );
  const replayed = spans.find(
    ({ name, links }) =>
      name === 'process order.placed' && links.some((link) => link.traceId === traceIdOfAnswer(replay)),
  );
  const told = spans.find(({ service, name }) => service === 'payment' && name === 'process stock.reserved');
  assert.ok(replayed !== undefined && told !== undefined);
  assert.equal(told.parentId, replayed.spanId);
});
