import { globSync } from 'node:fs';
import { join } from 'node:path';
import { jaegerUrl } from '@sagamart/stack/addresses';
import { runBesideData } from '@sagamart/stack/compose/beside-data';
import { readSettings } from '@sagamart/stack/settings';
import { findShop, readShopStatus } from '@sagamart/stack/shop';
import type { Target } from '@sagamart/stack/target';
import { readTally, runTestFiles, type Tally } from './test-run.ts';

const timeoutMs = 300_000;
const runLimitMs = 1_200_000;
const closingLineMax = 200;

// What needs npm, curl and the commands of this checkout; everything else runs beside the data.
const onlyHere = new Set(['readme.e2e.ts']);
// What reads the services' logs as files, stops a process by its id, or is another mail server at the address of the shop's own.
const onlyNative = new Set([
  'refused-mail.e2e.ts',
  'stopped-process.e2e.ts',
  'traced/collector.e2e.ts',
  'traced/signals.e2e.ts',
]);

/** Runs the end-to-end tests whose file names hold one of these parts, or all of them, on the running shop. Throws when no shop runs natively. */
export async function runSuite(target: Target, parts: readonly string[]): Promise<Tally[]> {
  const files = globSync('{,traced/}*.e2e.ts', { cwd: import.meta.dirname })
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .toSorted();
  if (target === 'native') {
    const tracesUrl = await findTraces();
    const readable = files.filter((file) => tracesUrl !== undefined || !file.startsWith('traced/'));
    return [await runHere(readable, { SAGAMART_TARGET: target, SAGAMART_TRACES_URL: tracesUrl })];
  }
  const besideData = files.filter((file) => !onlyHere.has(file) && !onlyNative.has(file));
  const there = besideData.length === 0 ? [] : [await runThere(besideData)];
  return [
    ...there,
    await runHere(
      files.filter((file) => onlyHere.has(file)),
      { SAGAMART_TARGET: target },
    ),
  ];
}

/** Where the traces of the running shop can be read, if it has a Jaeger: then they are tested too. */
async function findTraces(): Promise<string | undefined> {
  const { parts } = await readShopStatus((await findShop()).home);
  const isRead = parts.some(({ name, state }) => name === 'jaeger' && state === 'running');
  return isRead ? jaegerUrl(readSettings()) : undefined;
}

async function runThere(files: string[]): Promise<Tally> {
  let end = '';
  const onOutput = (text: string) => (end = (end + text).slice(-closingLineMax));
  const program = join(import.meta.dirname, 'run.ts');
  await runBesideData(readSettings(), { program, args: files, service: 'owner-tools', onOutput });
  return readTally(end);
}

// One file after the other: each compares the books of the whole shop at rest.
function runHere(files: string[], env: NodeJS.ProcessEnv): Promise<Tally> {
  const paths = files.map((file) => join(import.meta.dirname, file));
  return runTestFiles({ files: paths, concurrency: 1, timeoutMs, runLimitMs, env });
}
