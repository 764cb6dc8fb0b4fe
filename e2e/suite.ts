import { globSync } from 'node:fs';
import { join } from 'node:path';
import { runBesideData } from '@sagamart/stack/compose/beside-data';
import { readSettings } from '@sagamart/stack/settings';
import { findShop } from '@sagamart/stack/shop';
import type { Target } from '@sagamart/stack/target';
import { readTally, runTestFiles, type Tally } from './test-run.ts';

const timeoutMs = 300_000;
const runLimitMs = 1_200_000;
const closingLineMax = 200;

// What needs npm, curl and the commands of this checkout; everything else runs beside the data.
const onlyHere = new Set(['readme.e2e.ts']);

/** Runs the end-to-end tests whose file names hold one of these parts, or all of them, on the running shop. Throws when no shop runs natively. */
export async function runSuite(target: Target, parts: readonly string[]): Promise<Tally[]> {
  const files = globSync('*.e2e.ts', { cwd: import.meta.dirname })
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .toSorted();
  if (target === 'native') {
    await findShop();
    return [await runHere(files, target)];
  }
  const besideData = files.filter((file) => !onlyHere.has(file));
  const there = besideData.length === 0 ? [] : [await runThere(besideData)];
  return [
    ...there,
    await runHere(
      files.filter((file) => onlyHere.has(file)),
      target,
    ),
  ];
}

async function runThere(files: string[]): Promise<Tally> {
  let end = '';
  const onOutput = (text: string) => (end = (end + text).slice(-closingLineMax));
  const program = join(import.meta.dirname, 'run.ts');
  await runBesideData(readSettings(), { program, args: files, service: 'e2e', onOutput });
  return readTally(end);
}

// One file after the other: each compares the books of the whole shop at rest.
function runHere(files: string[], target: Target): Promise<Tally> {
  const paths = files.map((file) => join(import.meta.dirname, file));
  return runTestFiles({ files: paths, concurrency: 1, timeoutMs, runLimitMs, env: { SAGAMART_TARGET: target } });
}
