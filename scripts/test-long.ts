import { globSync } from 'node:fs';
import { join } from 'node:path';
import { testOwnShop } from '../e2e/own-shop.ts';
import { closeTally } from '../e2e/test-run.ts';

// `npm run test:long -- <part of a file's name> …`: only those files.
const named = process.argv.slice(2);

const timeoutMs = 1_200_000;
const runLimitMs = 3_600_000;

process.chdir(join(import.meta.dirname, '..'));
const all = globSync('e2e/long/*.e2e.ts').toSorted();
const files = all.filter((file) => named.length === 0 || named.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`No long test is called ${named.join(' or ')}. There are: ${all.join(', ')}.`);
  process.exit(1);
}
closeTally([await testOwnShop({ files, timeoutMs, runLimitMs })]);
