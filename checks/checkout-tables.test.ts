import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withCheckoutTables } from './checkout-tables.ts';

test('docs/checkout.md shows what the code decides: npm run docs writes it anew', () => {
  const document = readFileSync(join(import.meta.dirname, '../docs/checkout.md'), 'utf8');
  assert.equal(document, withCheckoutTables(document));
});
