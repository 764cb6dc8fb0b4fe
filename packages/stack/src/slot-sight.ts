import { type OutboxSlot, readOutboxSlot } from '@sagamart/service-kit/outbox-slot';
import { Pool } from 'pg';
import { databaseUrl, type DatabaseService } from './addresses.ts';
import type { Settings } from './settings.ts';

/** A heartbeat moves every slot each 5 s and positions are flushed each 2 s: who has not moved by now has missed two of them. */
export const SLOT_STILL_MS_MAX = 14_000;
const READ_WITHIN_MS = 4_000;

type UnsoundState = Exclude<OutboxSlot['state'], 'sound'>;

/** What was last seen of a slot, and since when it has been so. */
export type SlotSight = { readonly active: boolean; readonly flushedLsn: string; readonly unchangedSinceMs: number };

/** The next sight of a slot: time counts from the last change. */
export function seeSlot(
  last: SlotSight | undefined,
  slot: Pick<OutboxSlot, 'active' | 'flushedLsn'>,
  nowMs: number,
): SlotSight {
  const isSame = last !== undefined && last.flushedLsn === slot.flushedLsn && last.active === slot.active;
  return { active: slot.active, flushedLsn: slot.flushedLsn, unchangedSinceMs: isSame ? last.unchangedSinceMs : nowMs };
}

const whatBecame: Readonly<Record<UnsoundState, string>> = {
  missing: 'is gone',
  lost: 'is lost (it was behind by more than max_slot_wal_keep_size)',
  made_again: 'was dropped and made again by somebody',
  unknown: 'is none that its outbox was published through',
};

/** The alarm for a slot that has not, or may not have, all that the outbox holds. It never goes by itself. */
export function unsoundSlot(service: DatabaseService, state: UnsoundState): string {
  return `the slot of ${service}-db ${whatBecame[state]}: events are missing in Kafka. Heal it with: npm run stack -- heal ${service}`;
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

/** The slot of a service's outbox, as its database knows it now. */
export async function readSlot(settings: Settings, service: DatabaseService): Promise<OutboxSlot> {
  const pool = openSlotReader(settings, service);
  try {
    return await readOutboxSlot(pool);
  } finally {
    await pool.end();
  }
}

/** One connection for who reads the slot again and again: to log in costs more than to read. It does not keep the process alive. */
export function openSlotReader(settings: Settings, service: DatabaseService): Pool {
  const pool = new Pool({
    connectionString: databaseUrl(settings, service, 'auditor'),
    connectionTimeoutMillis: READ_WITHIN_MS,
    query_timeout: READ_WITHIN_MS,
    application_name: 'stack',
    max: 1,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: true,
  });
  // A connection that breaks is replaced at the next look.
  pool.on('error', () => undefined);
  return pool;
}
