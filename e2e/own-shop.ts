import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPorts } from '@sagamart/stack/settings';
import { openSpanReceiver } from '@sagamart/test-kit/span-receiver';
import { type Shop, startShop, stopShop } from '@sagamart/stack/shop';
import { closeOnSignal } from './close-on-signal.ts';
import { runTestFiles, type Tally } from './test-run.ts';

/**
 * Runs these test files on a shop of their own, one after the other because each compares the books of the whole shop at rest. A shop that does not
 * open or does not stop counts as one failed test, so that a suite cannot be lost in silence. With `readsSpans` the shop sends every span to where the
 * tests find them.
 */
export async function testOwnShop({
  readsSpans = false,
  ...suite
}: {
  files: string[];
  timeoutMs: number;
  runLimitMs: number;
  readsSpans?: boolean;
}): Promise<Tally> {
  const receiver = readsSpans ? await openSpanReceiver() : undefined;
  try {
    return await withOwnShop(receiver === undefined ? {} : tracedTo(receiver.url), (_shop, whereabouts) => {
      const env = { ...whereabouts, SAGAMART_TRACES_URL: receiver?.url };
      return runTestFiles({ ...suite, concurrency: 1, env });
    });
  } catch (error) {
    console.error(String(error));
    return { passed: 0, failed: 1 };
  } finally {
    await receiver?.close();
  }
}

/** How a program finds a shop that is not where shops usually are. */
type Whereabouts = Readonly<Record<'SAGAMART_HOME' | 'SAGAMART_PORT_OFFSET' | 'SAGAMART_TARGET', string>>;

/** Opens a new shop on ports of its own, with these settings, and takes it away again after `run`; its logs stay when that fails. */
export async function withOwnShop<T>(
  settings: Readonly<Record<string, string>>,
  run: (shop: Shop, whereabouts: Whereabouts) => Promise<T>,
): Promise<T> {
  const home = join(tmpdir(), `sagamart-e2e-${process.pid}-${(shopsOpened += 1)}`);
  const portOffset = await freePortOffset(Object.values(defaultPorts));
  const forgetSignals = closeOnSignal(() => stopShop(home));
  try {
    const { shop, stop } = await startShop({ home, portOffset, env: settings });
    const whereabouts = { SAGAMART_HOME: home, SAGAMART_PORT_OFFSET: String(portOffset), SAGAMART_TARGET: 'native' };
    let result: T;
    try {
      result = await run(shop, whereabouts);
    } finally {
      await stop();
    }
    rmSync(home, { recursive: true, force: true });
    return result;
  } catch (error) {
    throw new Error(`${String(error)}\nThe logs of the shop are in ${home}/log.`, { cause: error });
  } finally {
    takenOffsets.delete(portOffset);
    forgetSignals();
  }
}

let shopsOpened = 0;

/** The variables that make a shop send every span to a receiver, soon. */
function tracedTo(url: string): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '200' };
}

const offsetMin = 11_000;
const offsetStep = 200;
const offsets = 50;
const attemptsMax = 20;
/** Those of shops of this process, which open their ports only later. */
const takenOffsets = new Set<number>();

/** An offset at which all these ports are free now: another shop, or another run of this, may be open on this machine. */
export async function freePortOffset(ports: readonly number[]): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const offset = offsetMin + offsetStep * Math.floor(Math.random() * offsets);
    if (takenOffsets.has(offset)) continue;
    takenOffsets.add(offset);
    const free = await Promise.all(ports.map((port) => isFree(port + offset)));
    if (free.every(Boolean)) return offset;
    takenOffsets.delete(offset);
  }
  throw new Error(`found no free ports for a shop of the tests' own in ${attemptsMax} attempts; stop what holds them`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
