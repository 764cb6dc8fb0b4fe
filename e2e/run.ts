import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { closeTally, runTestFiles } from './test-run.ts';
import { findShop } from '@sagamart/stack/shop';

const timeoutMs = 300_000;
const runLimitMs = 1_200_000;

const { values, positionals } = parseArgs({
  options: { target: { type: 'string', default: 'native' } },
  allowPositionals: true,
});
if (values.target !== 'native') {
  console.error(
    `--target ${values.target} is not known. The suite runs on the shop that npm start opened: --target native`,
  );
  process.exit(1);
}
// Ends here with what to do when no shop runs.
await findShop().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

const named = (file: string): boolean => positionals.length === 0 || positionals.some((part) => file.includes(part));
const files = globSync('*.e2e.ts', { cwd: import.meta.dirname })
  .filter(named)
  .toSorted();
// One file after the other: each compares the books of the whole shop at rest.
const paths = files.map((file) => join(import.meta.dirname, file));
closeTally([await runTestFiles({ files: paths, concurrency: 1, timeoutMs, runLimitMs })]);
