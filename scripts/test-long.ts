import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { testOwnShop } from '../e2e/own-shop.ts';
import { closeTally, runTestFiles, type Tally } from '../e2e/test-run.ts';

// `npm run test:long -- [--resume] <part of a file's name> …`: only those files. --resume passes over what has passed since anything was changed.
const { values, positionals: named } = parseArgs({ options: { resume: { type: 'boolean' } }, allowPositionals: true });

const timeoutMs = 1_200_000;
const fileLimitMs = 2_400_000;

process.chdir(join(import.meta.dirname, '..'));
// Each test of these opens a shop of its own, in which something is missing.
const withShops = ['e2e/saboteurs/saboteurs.e2e.ts'];
// All others measure a shop as it comes: untraced.
const readSpans = ['e2e/long/one-trace.e2e.ts'];
const all = [...globSync('e2e/long/*.e2e.ts').toSorted(), ...withShops];
const files = all.filter((file) => named.length === 0 || named.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`No long test is called ${named.join(' or ')}. There are: ${all.join(', ')}.`);
  process.exit(1);
}

type Progress = { readonly tree: string; readonly passed: { [file: string]: Tally } };

const progressFile = 'node_modules/.sagamart-test-long.json';
const tree = hashTree();
const progress: Progress = { tree, passed: values.resume ? readPassed() : {} };

const tallies: Tally[] = [];
for (const file of files) {
  const before = progress.passed[file];
  console.log(`\n${file}${before === undefined ? '' : ' has passed before'}`);
  const sinceMs = Date.now();
  const tally = before ?? (await runFile(file));
  if (before === undefined) console.log(`${file}: ${Math.round((Date.now() - sinceMs) / 1_000)} s`);
  tallies.push(tally);
  if (tally.failed === 0) progress.passed[file] = tally;
  writeFileSync(progressFile, JSON.stringify(progress));
}
closeTally(tallies);

// A shop for each file: what one has done to it is not left to the next.
function runFile(file: string): Promise<Tally> {
  if (!withShops.includes(file))
    return testOwnShop({ files: [file], timeoutMs, runLimitMs: fileLimitMs, readsSpans: readSpans.includes(file) });
  return runTestFiles({ files: [file], concurrency: 1, timeoutMs: fileLimitMs, runLimitMs: fileLimitMs });
}

function readPassed(): Progress['passed'] {
  if (!existsSync(progressFile)) return {};
  const last = JSON.parse(readFileSync(progressFile, 'utf8')) as Progress;
  return last.tree === tree ? last.passed : {};
}

/** The same as long as no file that belongs to the checkout is changed. */
function hashTree(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const untracked = git('ls-files', '--others', '--exclude-standard', '-z').split('\0').filter(Boolean);
  const hash = createHash('sha256').update(git('rev-parse', 'HEAD')).update(git('diff', 'HEAD'));
  for (const file of untracked) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}
