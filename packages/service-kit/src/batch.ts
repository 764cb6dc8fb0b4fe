import { setTimeout as pause } from 'node:timers/promises';
import type { Envelope, ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventType } from '@sagamart/contracts/events';
import type { Logger } from '@sagamart/telemetry/logger';
import { markFailed } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { inTransaction, type Tx } from './database.ts';
import { triageDatabaseError, type DatabaseTrouble } from './database-trouble.ts';
import { recordInInbox, type InboxEntry } from './inbox.ts';
import { startMessageSpans, type MessageSpans } from './message-spans.ts';
import {
  blockedScopes,
  insertParked,
  lockScopes,
  scopeKeyOf,
  scopeOf,
  type ConsumedRecord,
  type Parking,
} from './parked.ts';
import { tableWithoutPartition } from './partitions.ts';
import { inboxEntry, outsideWindow, readRecord, type Read, type Readable } from './read-record.ts';

/** How one service takes part in the saga. `Work` is what it holds in memory between locking its rows and writing them. */
export type Participant<Work, Heard extends EventType> = {
  /** The types it acts on. Any other event on its topics is recorded in the inbox and changes nothing. */
  readonly hears: readonly Heard[];
  /** Creates missing rows, then locks all rows of the events, sorted; shared rows (stock) last, in a statement of their own. */
  readonly load: (tx: Tx, events: readonly ShopEvent<Heard>[]) => Promise<Work>;
  /** Decides on one event and changes `work`. Called in offset order, so events of one key see each other's results. */
  readonly react: (work: Work, event: ShopEvent<Heard>) => void;
  /** Writes every changed row once, and all that was said into the outbox. */
  readonly save: (tx: Tx, work: Work) => Promise<void>;
  /** Table constraints that only a lost race can violate: the batch is tried again. */
  readonly racingConstraints?: readonly string[];
  /** Called after each commit, for instance to nudge a worker. */
  readonly committed?: () => void;
};

/** A pair of state and event that the saga says cannot happen. The message is parked, never ignored. */
export class UnreachablePair extends Error {
  override name = 'UnreachablePair';
  constructor(state: string, eventType: string) {
    super(
      `${eventType} cannot reach an aggregate that is ${state}. Parked: look at the aggregate and its timeline, then replay.`,
    );
  }
}

/** What became of a record: `ignored` is recorded in the inbox and changes nothing, `duplicate` was taken over before. */
export type Outcome = 'handled' | 'ignored' | 'duplicate' | 'parked';

/**
 * Handles records of one topic, those of a partition in their order; resolves when all of them are committed or parked, with what became of each.
 * Rejects only when `signal` aborts.
 */
export type BatchHandler = (records: readonly ConsumedRecord[], signal: AbortSignal) => Promise<readonly Outcome[]>;

const batchAttemptsMax = 3;
const singleAttemptsMax = 10;
const retryPauseMs = 20;
const unavailablePauseMs = 500;

/**
 * The one path on which events change a service: a consumed batch is one transaction (design, section 3). A lost race is tried again as a
 * batch, then record by record; while the database is away it waits; a record that fails alone for any other reason is parked.
 */
export function createBatchHandler<Work, Heard extends EventType>(options: {
  pool: Pool;
  participant: Participant<Work, Heard>;
  logger: Logger;
  /** Told of each record, once what became of it is committed. */
  observe?: (record: ConsumedRecord, outcome: Outcome) => void;
  now?: () => Date;
}): BatchHandler {
  const { pool, participant, logger, observe } = options;
  const now = options.now ?? (() => new Date());

  return async (records, signal) => {
    const spans = startMessageSpans(records.map((record) => readRecord(record, now())));
    try {
      const outcomes = await handleAll(spans, signal);
      for (const [index, outcome] of outcomes.entries()) {
        const record = records[index];
        if (record !== undefined) observe?.(record, outcome);
      }
      return outcomes;
    } finally {
      spans.end();
    }
  };

  async function handleAll({ messages, together, alone }: MessageSpans<Read>, signal: AbortSignal): Promise<Outcome[]> {
    if (messages.every((each) => each.kind !== 'refused')) {
      const whole = await together(() => attempt(messages, batchAttemptsMax, signal));
      if (!('failed' in whole)) return whole;
    }
    const outcomes: Outcome[] = [];
    for (const each of messages) outcomes.push(...(await alone(each, () => handleAlone(each, signal))));
    return outcomes;
  }

  async function handleAlone(each: Read, signal: AbortSignal): Promise<Outcome[]> {
    if (each.kind === 'refused') return [await park(each, each.reason, each.detail, signal)];
    const result = await attempt([each], singleAttemptsMax, signal);
    if (!('failed' in result)) return result;
    const { reason, error } = parkingReasonOf(result.failed);
    return [await park(each, reason, error, signal)];
  }

  async function attempt(
    batch: readonly Readable[],
    attemptsMax: number,
    signal: AbortSignal,
  ): Promise<Outcome[] | { failed: unknown }> {
    for (let attempts = 1; ;) {
      try {
        const outcomes = await inTransaction(pool, (tx) => handleInTransaction(tx, batch));
        participant.committed?.();
        return outcomes;
      } catch (error) {
        const trouble = triageDatabaseError(error, participant.racingConstraints);
        const exhausted = attempts >= attemptsMax;
        if (givesUp(trouble, { exhausted, alone: batch.length === 1 })) return { failed: error };
        if (trouble === 'conflict' || (trouble === 'lost_race' && !exhausted)) {
          attempts += 1;
          await pause(retryPauseMs * attempts * Math.random(), undefined, { signal });
        } else {
          logger.warn({ err: error, trouble }, 'consumption waits for the database');
          await pause(unavailablePauseMs, undefined, { signal });
        }
      }
    }
  }

  async function handleInTransaction(tx: Tx, batch: readonly Readable[]): Promise<Outcome[]> {
    const records = batch.map((each) => each.record);
    const [, blocked, fresh] = await Promise.all([
      lockScopes(tx, records, 'shared'),
      blockedScopes(tx, records),
      recordInInbox(tx, inboxEntries(batch)),
    ]);
    const outcomes = batch.map(({ record, event }): Outcome => {
      // Taken out, so that the same id later in this batch is a duplicate.
      if (!fresh.delete(event.id)) return 'duplicate';
      if (blocked.has(scopeOf(record))) return 'parked';
      return isHeard(participant, event) ? 'handled' : 'ignored';
    });
    await insertParked(
      tx,
      records
        .filter((_, index) => outcomes[index] === 'parked')
        .map((record) => ({ record, reason: 'behind_parked', error: 'A message before it is parked.' })),
    );
    await takePart(
      tx,
      participant,
      batch.filter((_, index) => outcomes[index] === 'handled').map(({ event }) => event),
    );
    return outcomes;
  }

  async function park(each: Read, reason: string, error: string, signal: AbortSignal): Promise<Outcome> {
    const parking: Parking = { record: each.record, reason, error };
    markFailed(reason);
    const entry = each.kind === 'refused' ? each.inboxEntry : inboxEntry(each.record, each.event.id, each.event.type);
    logger.error(
      {
        reason,
        error,
        key: scopeKeyOf(each.record),
        topic: each.record.topic,
        partition: each.record.partition,
        offset: each.record.offset,
      },
      'message parked',
    );
    for (;;) {
      try {
        return await inTransaction(pool, async (tx) => {
          await lockScopes(tx, [each.record], 'exclusive');
          if (entry !== null) {
            const fresh = await recordInInbox(tx, [entry]);
            if (fresh.size === 0) return 'duplicate';
          }
          await insertParked(tx, [parking]);
          return 'parked';
        });
      } catch (parkError) {
        // The broker had it in time, long ago or by a clock of its own: the inbox cannot remember it.
        if (tableWithoutPartition(parkError) === 'inbox') {
          const outside = outsideWindow(each.record);
          return park(outside, outside.reason, outside.detail, signal);
        }
        logger.error({ err: parkError }, 'parking failed: consumption waits');
        await pause(unavailablePauseMs, undefined, { signal });
      }
    }
  }
}

/** Loads, decides and saves those of the events that the participant acts on: the only way in which an event changes a service. */
export async function takePart<Work, Heard extends EventType>(
  tx: Tx,
  participant: Participant<Work, Heard>,
  events: readonly Readable['event'][],
): Promise<void> {
  const heard = events.filter((event) => isHeard(participant, event));
  if (heard.length === 0) return;
  const work = await participant.load(tx, heard);
  for (const event of heard) participant.react(work, event);
  await participant.save(tx, work);
}

function isHeard<Heard extends EventType>(
  { hears }: { hears: readonly Heard[] },
  event: Envelope & { readonly type: string },
): event is ShopEvent<Heard> {
  return hears.some((type) => type === event.type);
}

/** Under which reason, and with which words, a message is parked that could not be handled because of this error. */
export function parkingReasonOf(failed: unknown): { reason: string; error: string } {
  return {
    reason: failed instanceof UnreachablePair ? 'unreachable' : 'handler_failed',
    error: failed instanceof Error ? `${failed.name}: ${failed.message}` : String(failed),
  };
}

/** Whether trying the same records again in one transaction is pointless: then they are tried one by one, and a single one is parked. */
function givesUp(trouble: DatabaseTrouble, { exhausted, alone }: { exhausted: boolean; alone: boolean }): boolean {
  switch (trouble) {
    case 'fatal':
      return true;
    case 'conflict':
      return exhausted;
    case 'lost_race':
      return exhausted && !alone;
    case 'too_much':
      return !alone;
    case 'unavailable':
      return false;
    default:
      return trouble satisfies never;
  }
}

function inboxEntries(batch: readonly Readable[]): InboxEntry[] {
  return batch.map(({ record, event }) => inboxEntry(record, event.id, event.type));
}
