import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedBooks, type DraftBooks } from './balanced-books-fixture.ts';
import type { Invariant } from './books.ts';
import { compareBooks } from './compare-books.ts';

export type Tampering = { title: string; finds: Invariant; about?: string; tamper: (books: DraftBooks) => void };

/** One test a tampering: the books that balanced do not any more, and the finding names what was tampered with. */
export function testTamperings(tamperings: readonly Tampering[]): void {
  for (const { title, finds, about, tamper } of tamperings) {
    test(`${finds}: ${title}`, () => {
      const books = balancedBooks();
      tamper(books);
      const found = compareBooks(books).filter((finding) => finding.invariant === finds);
      assert.notEqual(found.length, 0, 'the comparison saw nothing');
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
