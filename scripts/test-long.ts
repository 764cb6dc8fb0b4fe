import { globSync } from 'node:fs';
import { join } from 'node:path';
import { testOwnShop } from '../e2e/own-shop.ts';
import { closeTally, runTestFiles } from '../e2e/test-run.ts';

// `npm run test:long -- <part of a file's name> …`: only those files.
const named = process.argv.slice(2);

const timeoutMs = 1_200_000;
const runLimitMs = 3_600_000;

process.chdir(join(import.meta.dirname, '..'));
const isNamed = (file: string): boolean => named.length === 0 || named.some((part) => file.includes(part));
const onOneShop = globSync('e2e/long/*.e2e.ts').toSorted();
// Each test opens a shop of its own, in which something is missing.
const onShopsOfTheirOwn = ['e2e/saboteurs/saboteurs.e2e.ts'];
const [files, alone] = [onOneShop.filter(isNamed), onShopsOfTheirOwn.filter(isNamed)];
if (files.length + alone.length === 0) {
  const known = [...onOneShop, ...onShopsOfTheirOwn].join(', ');
  console.error(`No long test is called ${named.join(' or ')}. There are: ${known}.`);
  process.exit(1);
}
const tallies = files.length === 0 ? [] : [await testOwnShop({ files, timeoutMs, runLimitMs })];
closeTally([...tallies, await runTestFiles({ files: alone, concurrency: 1, timeoutMs: runLimitMs, runLimitMs })]);
