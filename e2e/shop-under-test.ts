import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { compareBooks } from '@sagamart/auditor/compare-books';
import { openBooks, type OpenBooks } from '@sagamart/auditor/open-books';
import { findShop, type Shop } from '@sagamart/stack/shop';
import { ShopClient } from './shop-client.ts';

export const restDeadlineMs = 90_000;

export type ShopUnderTest = { shop: Shop; client: ShopClient; books: OpenBooks };

/**
 * The running shop, for the tests of one file. After each of them the shop must come to rest and its books must balance, with every
 * order id in it that a client was given.
 */
export function enterShop(): ShopUnderTest {
  const entered: Partial<ShopUnderTest> = {};
  before(async () => {
    const shop = await findShop();
    Object.assign(entered, {
      shop,
      client: new ShopClient(shop),
      books: await openBooks(shop),
    } satisfies ShopUnderTest);
  });
  afterEach(async () => assertBooksBalance(entered));
  after(async () => entered.books?.close());

  // Tests run after `before`: a getter lets them name the shop at the top of their file all the same.
  return {
    get shop() {
      return present(entered.shop);
    },
    get client() {
      return present(entered.client);
    },
    get books() {
      return present(entered.books);
    },
  };
}

async function assertBooksBalance({ client, books }: Partial<ShopUnderTest>): Promise<void> {
  const rest = await present(books).waitUntilAtRest({ deadlineMs: restDeadlineMs });
  assert.deepEqual(rest.unmet, [], `the shop did not come to rest within ${restDeadlineMs / 1_000} s`);
  assert.deepEqual(compareBooks(await present(books).read(), present(client).accepted), []);
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the shop was not found before the tests; is it running?');
  return value;
}
