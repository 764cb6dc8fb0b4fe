import { globSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startShop, stopShop } from '@sagamart/stack/shop';
import { runTestFiles, type Tally } from './test-run.ts';

// Far from the default ports: a shop that is open on this machine does not matter. Two of these at once on one machine are not provided for.
const portOffset = 13_000;
const timeoutMs = 300_000;

/**
 * Opens a new shop on ports of its own, runs the end-to-end suite on it and takes it away again. A shop that does not open or does not
 * stop counts as one failed test, so that a suite cannot be lost in silence.
 */
export async function testOwnShop(): Promise<Tally> {
  const home = join(tmpdir(), `sagamart-test-${process.pid}`);
  const env = { SAGAMART_HOME: home, SAGAMART_PORT_OFFSET: String(portOffset) };
  const stopOnSignal = () => void stopShop(home).finally(() => process.exit(1));
  process.once('SIGINT', stopOnSignal).once('SIGTERM', stopOnSignal);
  try {
    const { stop } = await startShop({ home, portOffset });
    try {
      const files = globSync('*.e2e.ts', { cwd: import.meta.dirname }).toSorted();
      return await runTestFiles({
        files: files.map((file) => join(import.meta.dirname, file)),
        concurrency: 1,
        timeoutMs,
        env,
      });
    } finally {
      await stop();
      rmSync(home, { recursive: true, force: true });
    }
  } catch (error) {
    console.error(`${String(error)}\nThe logs of the shop are in ${home}/log.`);
    return { passed: 0, failed: 1 };
  } finally {
    process.off('SIGINT', stopOnSignal).off('SIGTERM', stopOnSignal);
  }
}
