import assert from 'node:assert/strict';
import { after, afterEach } from 'node:test';
import { openBooks, type OpenBooks } from '@sagamart/auditor/open-books';
import { findShop, type Shop } from '@sagamart/stack/shop';
import { ShopClient } from './shop-client.ts';

export type ShopUnderTest = { readonly shop: Shop; readonly client: ShopClient; readonly books: OpenBooks };

const restDeadlineMs = 90_000;

/**
 * The running shop, for the tests of one file. After each of them the shop must come to rest and its books must balance, with every
 * order id in it that a client was given.
 */
export async function enterShop(): Promise<ShopUnderTest> {
  const shop = await findShop();
  const client = new ShopClient(shop);
  const books = await openBooks(shop);
  afterEach(async () => {
    await waitForRest(books, client.accepted);
  });
  after(() => books.close());
  return { shop, client, books };
}

/** Resolves when nothing is under way in the shop any more and its books balance; rejects with what is wrong, or at a deadline with what is under way. */
export async function waitForRest(books: OpenBooks, accepted: readonly string[] = []): Promise<void> {
  const { findings, inFlight, unread } = await books.settle({ deadlineMs: restDeadlineMs, accepted });
  assert.deepEqual({ findings, inFlight, unread }, { findings: [], inFlight: [], unread: [] });
}
