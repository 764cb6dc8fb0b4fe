import type { Books, Finding } from './books.ts';
import {
  compareCauses,
  compareHistories,
  compareInboxesWithTopics,
  compareOutboxesWithTopics,
  listParked,
} from './compare-messages.ts';
import { compareMoney } from './compare-money.ts';
import { compareNotifications } from './compare-notifications.ts';
import { compareDoors, compareKeys, compareOutcomes } from './compare-orders.ts';
import { compareStock } from './compare-stock.ts';

/**
 * Everything that is wrong with the books of a shop at rest, by the invariants of the design; empty when they balance.
 * `acceptedOrderIds` are ids that clients were given with a 202: each must exist.
 */
export function compareBooks(books: Books, acceptedOrderIds: Iterable<string> = []): Finding[] {
  return [
    ...listParked(books),
    ...compareOutcomes(books, acceptedOrderIds),
    ...compareMoney(books),
    ...compareStock(books),
    ...compareNotifications(books),
    ...compareOutboxesWithTopics(books),
    ...compareInboxesWithTopics(books),
    ...compareHistories(books),
    ...compareCauses(books),
    ...compareKeys(books),
    ...compareDoors(books),
  ];
}
