import { launchShop } from './launch.ts';
import { type OpenShop, openShop } from './open-shop.ts';
import { progressOn } from './progress.ts';
import type { Settings } from './settings.ts';
import { readShopStatus } from './shop.ts';
import { formatWelcome } from './status-table.ts';

const PARENT_LOOK_MS = 500;
const REDRAW_EVERY_MS = 150;

/** Opens the shop in this process and keeps it until Ctrl-C or `stack down`. */
export async function startHere(settings: Settings, { fresh }: { fresh: boolean }): Promise<void> {
  const began = Date.now();
  const shop = await openShop(settings, { fresh });
  // A terminal that was closed cannot be written to any more; the parts must be stopped all the same.
  process.stdout.on('error', () => undefined);
  stopOnOwnMistake(shop);
  const progress = progressOn(process.stdout);
  const redraw = setInterval(() => progress.show(shop.supervisor.status()), REDRAW_EVERY_MS);
  let asked = false;
  const leave = () => {
    if (asked) return;
    asked = true;
    clearInterval(redraw);
    progress.finish();
    console.log('\nStopping …');
    void shop.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
  try {
    await shop.ready;
  } catch (error) {
    if (!asked) throw error;
  } finally {
    clearInterval(redraw);
    progress.finish();
  }
  if (!asked) console.log(formatWelcome(settings, shop.supervisor.status(), Date.now() - began, { detached: false }));
  await shop.closed;
  console.log('Everything is stopped.');
}

/** Opens the shop in a process of its own and returns when it is open. */
export async function startDetached(settings: Settings, { fresh }: { fresh: boolean }): Promise<void> {
  const began = Date.now();
  const progress = progressOn(process.stdout);
  const givenUp = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      console.log('\nStopping …');
      givenUp.abort();
    });
  }
  try {
    await launchShop({
      home: settings.home,
      env: process.env,
      fresh,
      endsWithUs: false,
      signal: givenUp.signal,
      show: progress.show,
    });
  } finally {
    progress.finish();
  }
  console.log(formatWelcome(settings, await readShopStatus(settings.home), Date.now() - began, { detached: true }));
}

/** The process of a detached shop; what it prints is shown by whoever launched it. */
export async function supervise(
  settings: Settings,
  { fresh, endsWithParent }: { fresh: boolean; endsWithParent: boolean },
): Promise<void> {
  const shop = await openShop(settings, { fresh });
  stopOnOwnMistake(shop);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void shop.close());
  process.on('SIGHUP', () => undefined);
  if (endsWithParent) closeWithParent(shop);
  await shop.ready;
  await shop.closed;
}

// A shop that a test opened must not outlive it, also when the test is killed.
function closeWithParent(shop: OpenShop): void {
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    void shop.close();
  }, PARENT_LOOK_MS);
  look.unref();
}

// A mistake of the supervisor's own must not leave the parts without one.
function stopOnOwnMistake(shop: OpenShop): void {
  process.once('uncaughtException', (error) => {
    console.error(error);
    shop.supervisor.log(`stops because of a mistake of its own: ${error.stack}`);
    process.exitCode = 1;
    void shop.close();
  });
}
