import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runBesideData } from '@sagamart/stack/compose/beside-data';
import { readSettings } from '@sagamart/stack/settings';
import { findShop } from '@sagamart/stack/shop';
import { messageOf } from '@sagamart/stack/stack-problem';
import { chooseTarget, type Target } from '@sagamart/stack/target';
import { closeTally, readTally, runTestFiles, type Tally } from './test-run.ts';

const timeoutMs = 300_000;
const runLimitMs = 1_200_000;
const closingLineMax = 200;

// What needs npm, curl and the commands of this checkout; everything else runs beside the data.
const onlyHere = new Set(['readme.e2e.ts']);

const { values, positionals } = parseArgs({ options: { target: { type: 'string' } }, allowPositionals: true });
const named = (file: string): boolean => positionals.length === 0 || positionals.some((part) => file.includes(part));
const files = globSync('*.e2e.ts', { cwd: import.meta.dirname })
  .filter(named)
  .toSorted();
const isHere = (file: string): boolean => onlyHere.has(file);

try {
  const target = await chooseTarget(values.target);
  if (target === 'native') await findShop();
  closeTally(target === 'native' ? [await runHere(files, target)] : await runOnCompose());
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}

async function runOnCompose(): Promise<Tally[]> {
  const besideData = files.filter((file) => !isHere(file));
  const there = besideData.length === 0 ? [] : [await runBeside(besideData)];
  return [...there, await runHere(files.filter(isHere), 'compose')];
}

async function runBeside(names: string[]): Promise<Tally> {
  let end = '';
  const onOutput = (text: string) => (end = (end + text).slice(-closingLineMax));
  await runBesideData(readSettings(), { program: import.meta.filename, args: names, service: 'e2e', onOutput });
  return readTally(end);
}

// One file after the other: each compares the books of the whole shop at rest.
function runHere(names: string[], target: Target): Promise<Tally> {
  const paths = names.map((file) => join(import.meta.dirname, file));
  return runTestFiles({ files: paths, concurrency: 1, timeoutMs, runLimitMs, env: { SAGAMART_TARGET: target } });
}
