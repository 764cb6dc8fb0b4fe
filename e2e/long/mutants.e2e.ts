import { test } from 'node:test';
import { feedMutants } from '../fed-mutants.ts';
import { enterShop } from '../shop-under-test.ts';

const entered = await enterShop();

const atLeast = 20_000;

test(`of ${atLeast} records made by changing recorded ones each is listed by all who read it, and orders go on beside them`, async (t) => {
  const { seed, fed } = await feedMutants(entered, { atLeast });
  t.diagnostic(`${fed} records; seed ${seed}`);
});
