import type { Books, Finding } from './books.ts';
import {
  compareCauses,
  compareHistories,
  compareInboxesWithTopics,
  compareOutboxesWithTopics,
} from './compare-messages.ts';
import { compareMoney } from './compare-money.ts';
import { compareNotifications } from './compare-notifications.ts';
import { compareDoors, compareKeys, compareOutcomes } from './compare-orders.ts';
import { compareOrdersWithStock, openStockHistory } from './compare-stock.ts';

/**
 * Everything that is wrong with the books of a shop at rest, by the invariants of the design; empty when they balance.
 * `acceptedOrderIds` are ids that clients were given with a 202: each must exist.
 */
export function compareBooks(books: Books, acceptedOrderIds: Iterable<string> = []): Finding[] {
  const history = openStockHistory();
  history.follow(books.movements);
  return [
    ...compareOrders(books, acceptedOrderIds),
    ...compareKeys(books),
    ...history.compare(books.stock),
    ...compareDoors(books.doors),
  ];
}

/** What is wrong with the orders (and skus) of these books, which are at rest. */
export function compareOrders(books: Books, acceptedOrderIds: Iterable<string>): Finding[] {
  return [
    ...compareOutcomes(books, acceptedOrderIds),
    ...compareMoney(books),
    ...compareOrdersWithStock(books),
    ...compareNotifications(books),
    ...compareOutboxesWithTopics(books),
    ...compareInboxesWithTopics(books),
    ...compareHistories(books),
    ...compareCauses(books),
  ];
}
