import { globSync } from 'node:fs';
import { join } from 'node:path';
import { closeOnSignal, goOnUnlessClosing } from '../e2e/close-on-signal.ts';
import { freePortOffset } from '../e2e/own-shop.ts';
import { runSuite } from '../e2e/suite.ts';
import { closeTally, runCheck, runTestFiles, type Tally } from '../e2e/test-run.ts';
import { describeFailures } from '../packages/stack/src/checks.ts';
import { checkDocker } from '../packages/stack/src/compose/docker-checks.ts';

// `npm run test:compose -- <part of a file's name> …`: the shop in containers of a project of its own, with its own ports and volumes, from images that
// are built now; the end-to-end suite on it, or only those files; then what only containers can do.
const named = process.argv.slice(2);

const testTimeoutMs = 600_000;
const runLimitMs = 2_400_000;
const upWithinSeconds = '300';
const publishedPorts = {
  GATEWAY_PORT: 8080,
  MAIL_PORT: 1080,
  JAEGER_PORT: 6686,
  PROMETHEUS_PORT: 9090,
  GRAFANA_PORT: 3000,
};

const root = join(import.meta.dirname, '..');
process.chdir(root);
const offset = await freePortOffset(Object.values(publishedPorts));
for (const [variable, port] of Object.entries(publishedPorts)) process.env[variable] = String(port + offset);
process.env.COMPOSE_PROJECT_NAME = 'sagamart-test';
process.env.SAGAMART_TARGET = 'compose';

const failures = describeFailures(await checkDocker(root, { isRunning: false }));
if (failures !== undefined) {
  console.error(`The shop in containers cannot be tested here.\n${failures}.`);
  process.exit(1);
}

closeOnSignal(takeDown);
await takeDown();
const tallies = [await compose('build', '--quiet'), await compose('up', '--wait', '--wait-timeout', upWithinSeconds)];
if (tallies.every(({ failed }) => failed === 0)) tallies.push(...(await testRunningShop()));
else await compose('logs', '--tail', '20');
await goOnUnlessClosing();
tallies.push(await takeDown());
closeTally(tallies);

async function testRunningShop(): Promise<Tally[]> {
  const files = globSync('e2e/compose/*.compose.ts', { cwd: root })
    .filter((file) => named.length === 0 || named.some((part) => file.includes(part)))
    .toSorted();
  const suite = await runSuite('compose', named);
  await goOnUnlessClosing();
  return [...suite, await runTestFiles({ files, concurrency: 1, timeoutMs: testTimeoutMs, runLimitMs })];
}

function takeDown(): Promise<Tally> {
  return compose('--profile', '*', 'down', '--volumes', '--remove-orphans');
}

function compose(...args: string[]): Promise<Tally> {
  return runCheck('docker', ['compose', '--progress', 'quiet', ...args]);
}
