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

/**
 * What is in both of two comparisons, in the words of the second. An order that was placed while the books were read stands in some of them and
 * not yet in others: that is a reason to read again, not to raise an alarm.
 */
export function lastingFindings(before: readonly Finding[], after: readonly Finding[]): Finding[] {
  const known = new Set(before.map(textOf));
  return after.filter((finding) => known.has(textOf(finding)));
}

function textOf({ invariant, about, detail }: Finding): string {
  return JSON.stringify([invariant, about, detail]);
}
