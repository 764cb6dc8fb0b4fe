import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedBooks, type DraftBooks } from './balanced-books-fixture.ts';
import type { Invariant } from './books.ts';
import { compareBooks } from './compare-books.ts';

/** Something wrong in books that balanced: `says` must each occur in the words of a finding of that invariant. */
export type Tampering = {
  title: string;
  finds: Invariant;
  about?: string;
  says?: readonly string[];
  tamper: (books: DraftBooks) => void;
};

/** One test a tampering: the books that balanced do not any more, and the findings say what was tampered with. */
export function testTamperings(tamperings: readonly Tampering[]): void {
  for (const { title, finds, about, says = [], tamper } of tamperings) {
    test(`${finds}: ${title}`, () => {
      const books = balancedBooks();
      tamper(books);
      const found = compareBooks(books).filter((finding) => finding.invariant === finds);
      assert.notEqual(found.length, 0, 'the comparison saw nothing');
      const isFound = (words: string) => found.some(({ detail }) => detail.includes(words));
      for (const words of says) assert.ok(isFound(words), `no finding says "${words}": ${JSON.stringify(found)}`);
      if (about !== undefined)
        assert.ok(
          found.some((finding) => finding.about === about),
          JSON.stringify(found),
        );
    });
  }
}

export function at<T>(items: T[], index: number): T {
  const item = items[index];
  assert.ok(item !== undefined);
  return item;
}
