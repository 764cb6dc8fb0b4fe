import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { OpenBooks } from '@sagamart/auditor/open-books';
import { eventTypes, type EventType } from '@sagamart/contracts/events';
import type { Topic } from '@sagamart/contracts/topics';
import type { Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Pool } from 'pg';

/** A service that hears of an order on two topics, which are not ordered among themselves. */
export type Listener = { readonly name: 'order' | 'payment'; readonly topics: readonly [Topic, Topic] };

export type Arrivals = {
  /** Resolves when the service has heard these events of an order. */
  readonly waitFor: (orderId: string, types: readonly EventType[]) => Promise<void>;
  /** Resolves when these events stand in their topics, whoever has heard them. */
  readonly waitForPublished: (orderId: string, types: readonly EventType[]) => Promise<void>;
  readonly assertNotHeard: (orderId: string, types: readonly EventType[]) => Promise<void>;
  /** Keeps in mind in which order the service heard of the orders. */
  readonly remember: (orderIds: readonly string[]) => Promise<void>;
  /** Fails unless events of the two topics were remembered in either order, except for those that cannot be. */
  readonly assertEitherOrder: (exceptions: readonly Exception[]) => void;
};

/** Two events of which the second never comes first, or which never tell of the same order. */
export type Exception = {
  readonly first: EventType;
  readonly second: EventType;
  readonly never?: true;
  readonly because: string;
};

const arrivalDeadlineMs = 30_000;

/** What a service hears of orders, and in which order: read from its inbox, for the tests of one file. */
export function openArrivals(shop: Shop, books: OpenBooks, listener: Listener): Arrivals {
  const pool = new Pool({ connectionString: shop.auditorUrls[listener.name], max: 1 });
  after(() => pool.end());
  const seen = new Set<string>();
  const heard = async (orderId: string) => {
    const sql = 'select topic, type from inbox where partition_key = $1 order by received_at';
    return (await pool.query<{ topic: string; type: string }>(sql, [orderId])).rows;
  };

  return {
    waitFor: async (orderId, types) => {
      const isThere = async () => containsAll(await heard(orderId), types);
      await waitUntil(`${listener.name} hears ${types.join(', ')} of ${orderId}`, isThere, arrivalDeadlineMs);
    },
    waitForPublished: async (orderId, types) => {
      const isThere = async () => containsAll(await publishedOf(books, orderId), types);
      await waitUntil(`${types.join(', ')} of ${orderId} is published`, isThere, arrivalDeadlineMs);
    },
    assertNotHeard: async (orderId, types) => {
      const early = (await heard(orderId)).filter(({ type }) => types.some((each) => each === type));
      assert.deepEqual(early, [], `${listener.name} was not to hear this yet of ${orderId}`);
    },
    remember: async (orderIds) => {
      for (const orderId of orderIds) {
        const arrived = (await heard(orderId)).filter(({ topic }) => listener.topics.some((each) => each === topic));
        for (const [index, one] of arrived.entries())
          for (const other of arrived.slice(index + 1))
            if (other.topic !== one.topic) seen.add(arrow(one.type, other.type));
      }
    },
    assertEitherOrder: (exceptions) => {
      const impossible = new Set(
        exceptions.flatMap(({ first, second, never }) => [
          arrow(second, first),
          ...(never ? [arrow(first, second)] : []),
        ]),
      );
      const [some, others] = listener.topics.map(typesOn);
      const pairs = (some ?? []).flatMap((a) => (others ?? []).flatMap((b) => [arrow(a, b), arrow(b, a)]));
      assert.deepEqual([...seen].toSorted(), pairs.filter((pair) => !impossible.has(pair)).toSorted());
    },
  };
}

async function publishedOf(books: OpenBooks, orderId: string): Promise<{ type: string }[]> {
  await books.look();
  return [...books.moments()].filter(({ key, timestampMs }) => key === orderId && timestampMs !== null);
}

function arrow(first: string, then: string): string {
  return `${first} → ${then}`;
}

function typesOn(topic: Topic): string[] {
  return Object.entries(eventTypes)
    .filter(([, { topic: its }]) => its === topic)
    .map(([type]) => type);
}

function containsAll(found: readonly { type: string }[], types: readonly string[]): boolean {
  return types.every((type) => found.some((each) => each.type === type));
}
