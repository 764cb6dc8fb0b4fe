import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skuOf } from '@sagamart/test-kit/event-builder';
import { changeProduct, type Product } from './product.ts';

const mug: Product = { sku: skuOf('MUG'), name: 'Mug', description: 'Holds tea.', priceMinor: 1490, currency: 'EUR' };

test('a new product is version 1 and is told to the shop', () => {
  const { product, says } = changeProduct(null, mug);
  assert.equal(product.version, 1);
  assert.deepEqual(says, [{ type: 'product.changed', data: { ...mug, version: 1 } }]);
});

test('every change of name, description, price or currency is a new version', () => {
  const changes: Partial<Product>[] = [{ name: 'Cup' }, { description: '' }, { priceMinor: 1 }, { currency: 'GBP' }];
  for (const change of changes) {
    const { product, says } = changeProduct({ ...mug, version: 7 }, { ...mug, ...change });
    assert.equal(product.version, 8);
    assert.equal(says.length, 1);
  }
});

test('a change that changes nothing says nothing', () => {
  const { product, says } = changeProduct({ ...mug, version: 7 }, mug);
  assert.equal(product.version, 7);
  assert.deepEqual(says, []);
});
