import { globSync } from 'node:fs';
import { join } from 'node:path';
import { testOwnShop } from '../e2e/own-shop.ts';
import { closeTally, runCheck, runTestFiles, type Tally } from '../e2e/test-run.ts';

// Two at a time: what fits two cores when tests start databases of their own.
const concurrency = 2;
const testTimeoutMs = 300_000;

const root = join(import.meta.dirname, '..');
process.chdir(root);

const tallies: Tally[] = [];
for (const check of ['types', 'lint', 'format', 'unused', 'workspace']) {
  console.log(`\nchecking ${check}`);
  tallies.push(
    await runCheck('pnpm', [
      'exec',
      'turbo',
      'run',
      `check:${check}`,
      '--output-logs=errors-only',
      '--log-order=grouped',
    ]),
  );
}

console.log('\ntests of the architecture, of decisions, on PostgreSQL and on Kafka');
const files = ['checks', 'packages', 'services', 'e2e'].flatMap((folder) =>
  globSync(`${folder}/**/*.test.ts`, { cwd: root, exclude: ['**/node_modules/**'] }),
);
tallies.push(await runTestFiles({ files: files.toSorted(), concurrency, timeoutMs: testTimeoutMs }));

console.log('\nthe shop, from end to end');
tallies.push(await testOwnShop());
closeTally(tallies);
