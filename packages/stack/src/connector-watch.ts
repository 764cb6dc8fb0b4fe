import { setTimeout as delay } from 'node:timers/promises';
import { databaseServices, type DatabaseService } from './addresses.ts';
import { connectorName, readConnectors, restartFailed } from './connect.ts';
import type { PartName } from './part.ts';
import type { Settings } from './settings.ts';
import { judgeSlot, readSlot, seeSlot, type SlotSight, unsoundSlot } from './slot-sight.ts';
import { messageOf } from './stack-problem.ts';

const WATCH_EVERY_MS = 5_000;

/** What the watch needs of whoever runs the shop. */
export type WatchedShop = {
  /** A part that was stopped on purpose, or is just starting, is no reason for an alarm. */
  readonly isRunning: (part: PartName) => boolean;
  readonly log: (line: string) => void;
  /** Told after every look: what is wrong, or undefined when all is well. */
  readonly setAlarm: (alarm: string | undefined) => void;
};

/**
 * Looks after the connectors until the signal aborts: restarts those that FAILED, and raises an alarm for a slot that nobody reads or that does
 * not move. Connect's own word is not enough: a connector stuck for good says RUNNING.
 */
export async function watchConnectors(settings: Settings, shop: WatchedShop, signal: AbortSignal): Promise<void> {
  const sights = new Map<DatabaseService, SlotSight>();
  while (!signal.aborted) {
    await lookOnce(settings, shop, sights);
    await delay(WATCH_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function lookOnce(settings: Settings, shop: WatchedShop, sights: Map<DatabaseService, SlotSight>): Promise<void> {
  if (shop.isRunning('connect'))
    await restartWhatFailed(settings, shop).catch((error: unknown) =>
      shop.log(`connect: its connectors cannot be looked after now (${messageOf(error)})`),
    );
  const alarms = await Promise.all(databaseServices.map((service) => lookAtSlot(settings, shop, sights, service)));
  const said = alarms.filter((alarm) => alarm !== undefined);
  shop.setAlarm(said.length === 0 ? undefined : said.join('; '));
}

async function restartWhatFailed(settings: Settings, shop: WatchedShop): Promise<void> {
  for (const [name, state] of await readConnectors(settings)) {
    const failed = [{ state: state.connector, trace: undefined }, ...state.tasks].find((one) => one.state === 'FAILED');
    if (failed === undefined) continue;
    shop.log(`connect: ${name} FAILED and is restarted: ${causeOf(failed.trace)}`);
    await restartFailed(settings, name);
  }
}

async function lookAtSlot(
  settings: Settings,
  shop: WatchedShop,
  sights: Map<DatabaseService, SlotSight>,
  service: DatabaseService,
): Promise<string | undefined> {
  if (!shop.isRunning(`${service}-db`)) {
    sights.delete(service);
    return undefined;
  }
  try {
    const slot = await readSlot(settings, service);
    if (slot.state !== 'sound') {
      sights.delete(service);
      return unsoundSlot(service, slot.state);
    }
    const sight = seeSlot(sights.get(service), slot, Date.now());
    sights.set(service, sight);
    return judgeSlot(connectorName(service), sight, Date.now());
  } catch (error) {
    shop.log(`${service}-db: its slot cannot be read (${messageOf(error)})`);
    return undefined;
  }
}

// A Java trace names the real reason last.
function causeOf(trace: string | undefined): string {
  const lines = (trace ?? 'no reason given').split('\n');
  return lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '';
}
