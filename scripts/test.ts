import { globSync } from 'node:fs';
import { join } from 'node:path';
import { openTestServers } from '../packages/stack/src/test-servers.ts';
import { closeOnSignal } from '../e2e/close-on-signal.ts';
import { testOwnShop } from '../e2e/own-shop.ts';
import { closeTally, runCheck, runTestFiles, type Tally } from '../e2e/test-run.ts';

// `npm test -- <part of a file's name> …`: only those test files, no checks and no shop.
const named = process.argv.slice(2);
const isNamed = (file: string): boolean => named.length === 0 || named.some((part) => file.includes(part));

const concurrency = 2;
const testTimeoutMs = 120_000;
const runLimitMs = 900_000;
const endToEnd = { timeoutMs: 300_000, runLimitMs: 1_200_000 };

const root = join(import.meta.dirname, '..');
process.chdir(root);

const tallies: Tally[] = [];
for (const check of named.length === 0 ? ['types', 'lint', 'format', 'unused', 'workspace'] : []) {
  console.log(`\nchecking ${check}`);
  const turbo = ['exec', 'turbo', 'run', `check:${check}`, '--output-logs=errors-only', '--log-order=grouped'];
  tallies.push(await runCheck('pnpm', turbo));
}

console.log('\ntests of the architecture, of decisions, on PostgreSQL and on Kafka');
const files = ['checks', 'packages', 'services', 'e2e']
  .flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root, exclude: ['**/node_modules/**'] }))
  .filter(isNamed)
  .toSorted();
const interrupted = new AbortController();
const opening = openTestServers({
  withKafka: files.some((file) => file.includes('.kafka.')),
  signal: interrupted.signal,
});
const forgetSignals = closeOnSignal(async () => {
  interrupted.abort();
  await (await opening).close();
});
const servers = await opening;
try {
  tallies.push(await runTestFiles({ files, concurrency, timeoutMs: testTimeoutMs, runLimitMs, env: servers.env }));
} finally {
  await servers.close();
  forgetSignals();
}

if (named.length === 0) {
  console.log('\nthe shop, from end to end');
  tallies.push(
    await testOwnShop({
      files: globSync('e2e/{,traced/}*.e2e.ts', { cwd: root }).toSorted(),
      ...endToEnd,
      readsSpans: true,
    }),
  );

  console.log('\na shop without one of its protections');
  tallies.push(await runTestFiles({ files: ['e2e/saboteurs/sample.e2e.ts'], concurrency: 1, ...endToEnd }));
}
closeTally(tallies);
