import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { databaseServices, databaseUrl, type DatabaseService } from './addresses.ts';
import { connectorName, readConnectors, restartFailed } from './connect.ts';
import type { PartName } from './part.ts';
import type { Settings } from './settings.ts';
import { messageOf } from './stack-problem.ts';

const WATCH_EVERY_MS = 5_000;
/** A heartbeat moves every slot each 5 s and positions are flushed each 2 s; three missed heartbeats are no accident. */
export const SLOT_STILL_MS_MAX = 20_000;
const READ_WITHIN_MS = 4_000;

/** What was last seen of a slot, and since when it has been so. */
export type SlotSight = { readonly active: boolean; readonly flushedLsn: string; readonly unchangedSinceMs: number };

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
    const slot = await readSlot(databaseUrl(settings, service, 'auditor'));
    if (slot === undefined) return undefined;
    if (slot.isLost) return `the slot of ${service}-db is lost (max_slot_wal_keep_size): events are missing in Kafka`;
    const sight = seeSlot(sights.get(service), slot, Date.now());
    sights.set(service, sight);
    return judgeSlot(connectorName(service), sight, Date.now());
  } catch (error) {
    shop.log(`${service}-db: its slot cannot be read (${messageOf(error)})`);
    return undefined;
  }
}

/** The next sight of a slot: time counts from the last change. */
export function seeSlot(
  last: SlotSight | undefined,
  slot: { active: boolean; flushedLsn: string },
  nowMs: number,
): SlotSight {
  const isSame = last !== undefined && last.flushedLsn === slot.flushedLsn && last.active === slot.active;
  return { active: slot.active, flushedLsn: slot.flushedLsn, unchangedSinceMs: isSame ? last.unchangedSinceMs : nowMs };
}

/** The alarm a sight is worth, if any. */
export function judgeSlot(connector: string, sight: SlotSight, nowMs: number): string | undefined {
  const stillMs = nowMs - sight.unchangedSinceMs;
  if (stillMs <= SLOT_STILL_MS_MAX) return undefined;
  const seconds = Math.round(stillMs / 1000);
  return sight.active
    ? `${connector} is connected but its slot has not moved for ${seconds} s (at ${sight.flushedLsn}): events wait in the outbox`
    : `nobody has read the slot of ${connector} for ${seconds} s: events wait in the outbox`;
}

async function readSlot(url: string): Promise<{ active: boolean; flushedLsn: string; isLost: boolean } | undefined> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: READ_WITHIN_MS,
    query_timeout: READ_WITHIN_MS,
    application_name: 'stack',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ active: boolean; flushed: string | null; status: string | null }>(
      `select active, confirmed_flush_lsn::text as flushed, wal_status as status from pg_replication_slots where slot_name = 'outbox'`,
    );
    const [row] = rows;
    return row === undefined
      ? undefined
      : { active: row.active, flushedLsn: row.flushed ?? '', isLost: row.status === 'lost' };
  } finally {
    await client.end();
  }
}

// A Java trace names the real reason last.
function causeOf(trace: string | undefined): string {
  const lines = (trace ?? 'no reason given').split('\n');
  return lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '';
}
