import assert from 'node:assert/strict';
import type { Finding } from '@sagamart/auditor/books';
import { openBooks } from '@sagamart/auditor/open-books';
import type { EventType } from '@sagamart/contracts/events';
import { serviceNames, type ServiceName } from '@sagamart/contracts/topics';
import type { Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Pool } from 'pg';
import type { SeededRandom } from '../long/seeded-random.ts';
import { type PlacedOrder, ShopClient } from '../shop-client.ts';

/** A shop and what a scene needs to play in it. Nothing here fails because an order ends otherwise than it is to. */
export type Stage = {
  readonly shop: Shop;
  readonly client: ShopClient;
  readonly random: SeededRandom;
  readonly customer: { readonly token: string; readonly customerId: string };
  /** An order of one product of which there is more than enough. */
  readonly placeOrder: (paymentMethod?: string) => Promise<PlacedOrder>;
  /** Resolves when a service has heard an event of an order. */
  readonly untilHeard: (service: ServiceName, type: EventType, orderId: string) => Promise<void>;
  /** Resolves when this query of a service's database finds a row. */
  readonly untilFound: (service: ServiceName, sql: string, values: readonly string[]) => Promise<void>;
  /** What does not balance, once nothing is in flight any more but what is stuck. */
  readonly audit: () => Promise<readonly Finding[]>;
  readonly close: () => Promise<unknown>;
};

const arrivalDeadlineMs = 30_000;
/** Longer than an order can take that waits for its deadline and the grace after it. */
const verdictDeadlineMs = 60_000;
/** An order that nothing has moved for so long is stuck: a shop with one order is quick. */
const settleMs = 5_000;
const plenty = 1_000;

export async function openStage(shop: Shop, random: SeededRandom): Promise<Stage> {
  const client = new ShopClient(shop);
  const pools = new Map(
    serviceNames.map((service) => [service, new Pool({ connectionString: shop.auditorUrls[service], max: 1 })]),
  );
  const customer = await client.openSession({ email: 'ada@example.com' });
  const sku = await client.createProduct({ stock: plenty });

  const untilFound: Stage['untilFound'] = async (service, sql, values) => {
    const find = async () => ((await pools.get(service)?.query(sql, [...values]))?.rowCount ?? 0) > 0;
    await waitUntil(`${service}: ${sql} (${values.join(', ')})`, find, arrivalDeadlineMs);
  };

  return {
    shop,
    client,
    random,
    customer,
    untilFound,
    placeOrder: (paymentMethod = 'tok_visa') =>
      client.placeOrder(customer.token, { lines: [{ sku, quantity: 1 + random.below(3) }], paymentMethod }),
    untilHeard: (service, type, orderId) =>
      untilFound(service, 'select from inbox where type = $1 and partition_key = $2', [type, orderId]),
    audit: async () => {
      const books = await openBooks(shop, { settleMs });
      try {
        const options = { deadlineMs: verdictDeadlineMs, accepted: client.accepted };
        const { findings, suspected, inFlight, unread } = await books.settle(options);
        assert.deepEqual(
          { suspected, inFlight, unread },
          { suspected: [], inFlight: [], unread: [] },
          'the auditor is not sure',
        );
        return [...findings];
      } finally {
        await books.close();
      }
    },
    close: () => Promise.all([...pools.values()].map((pool) => pool.end())),
  };
}
