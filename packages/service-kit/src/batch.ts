import { setTimeout as pause } from 'node:timers/promises';
import type { EventType } from '@sagamart/contracts/events';
import type { Logger } from '@sagamart/telemetry/logger';
import { markFailed } from '@sagamart/telemetry/spans';
import type { Pool } from 'pg';
import { closeIdle } from './database.ts';
import { inTransaction, type Transaction } from './transaction.ts';
import { triageDatabaseError, type DatabaseTrouble } from './database-trouble.ts';
import { createEvidence, type Evidence, type Tried } from './evidence.ts';
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
import { createParkedActs } from './parked-acts.ts';
import { isHeard, parkingReasonOf, takePart, UnreachablePair, type Participant } from './participant.ts';
import { tableWithoutPartition } from './partitions.ts';
import { inboxEntry, outsideWindow, readRecord, type Read, type Readable } from './read-record.ts';
import { createSecondTrial } from './second-trial.ts';

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
const placePauseMs = 500;
// Once nothing succeeds, this much of each round is spent on looking for a message that does.
const searchMs = 500;

/**
 * The one path on which events change a service: a consumed batch is one transaction (design, section 3). A lost race is tried again as a
 * batch, then record by record; while the database is away it waits. A record that fails alone is parked when others of its type succeed; when others
 * fail alike it waits with them until the place where they are handled is repaired (decision 20).
 */
export function createBatchHandler<Work, Heard extends EventType>(options: {
  pool: Pool;
  participant: Participant<Work, Heard>;
  logger: Logger;
  /** Shared by all that this process handles. */
  evidence?: Evidence;
  /** Told of each record, once what became of it is committed. */
  observe?: (record: ConsumedRecord, outcome: Outcome) => void;
  now?: () => Date;
}): BatchHandler {
  const { pool, participant, logger, observe } = options;
  const now = options.now ?? (() => new Date());
  const evidence = options.evidence ?? createEvidence();
  const secondTrial = createSecondTrial({
    pool,
    act: createParkedActs({ pool, participant, logger, evidence }),
    logger,
  });

  return async (records, signal) => {
    const spans = startMessageSpans(records.map((record) => readRecord(record, now())));
    try {
      const outcomes = await handleAll(spans, signal);
      for (const [index, outcome] of outcomes.entries()) {
        const record = records[index];
        if (record !== undefined) observe?.(record, outcome);
      }
      await secondTrial.after(spans.messages.filter((_, index) => outcomes[index] === 'handled'));
      return outcomes;
    } finally {
      spans.end();
    }
  };

  /** Rounds: what is left is tried in one transaction, then what has failed so is tried scope by scope. */
  async function handleAll(spans: MessageSpans<Read>, signal: AbortSignal): Promise<Outcome[]> {
    const { messages, together } = spans;
    const outcomes = new Map<Read, Outcome>();
    const waiting = Map.groupBy(messages, ({ record }) => scopeOf(record));
    for (let rounds = 1; ; rounds += 1) {
      const rest = messages.filter((each) => !outcomes.has(each));
      if (rounds > 1) closeIdle(pool);
      if ((rounds === 1 || rest.length > 1) && rest.every((each) => each.kind !== 'refused')) {
        const whole = await together(() => attempt(rest, batchAttemptsMax, signal));
        if (!('failed' in whole)) {
          for (const [index, each] of rest.entries()) outcomes.set(each, whole[index] ?? 'handled');
          waiting.clear();
        }
      }
      await tryScopes(waiting, { outcomes, spans, signal });
      if (waiting.size === 0) return messages.map((each) => outcomes.get(each) ?? 'handled');
      if (![...waiting.values()].some(([first]) => evidence.isContradicted(idOf(first))))
        await pause(placePauseMs, undefined, { signal });
    }
  }

  /** Tries the scopes in turn, each until one of its messages is in doubt; such a scope is the last of the next round. */
  async function tryScopes(
    waiting: Map<string, Read[]>,
    { outcomes, spans, signal }: { outcomes: Map<Read, Outcome>; spans: MessageSpans<Read>; signal: AbortSignal },
  ): Promise<void> {
    const endAtMs = performance.now() + searchMs;
    for (const [scope, queue] of [...waiting]) {
      waiting.delete(scope);
      for (const [index, each] of queue.entries()) {
        const outcome = await spans.alone(each, () => handleAlone(each, signal));
        if (outcome === 'in_doubt') {
          waiting.set(scope, queue.slice(index));
          break;
        }
        outcomes.set(each, outcome);
      }
      if (evidence.blamesPlace() && performance.now() > endAtMs) return;
    }
  }

  async function handleAlone(each: Read, signal: AbortSignal): Promise<Outcome | 'in_doubt'> {
    if (each.kind === 'refused') return park(each, each.reason, each.detail, signal);
    const result = await attempt([each], singleAttemptsMax, signal);
    if (!('failed' in result)) return result[0] ?? 'handled';
    if (tableWithoutPartition(result.failed) === 'inbox') return parkOutside(each.record, signal);
    const { reason, error } = parkingReasonOf(result.failed);
    if (!(result.failed instanceof UnreachablePair)) {
      const verdict = evidence.failed(triedOf(each), result.failed);
      if (verdict === 'place' || verdict === 'open') {
        logger.warn({ err: result.failed, verdict, ...placeOf(each.record) }, 'message waits: it may not be at fault');
        return 'in_doubt';
      }
      secondTrial.expect(each.event.type);
    }
    return park(each, reason, error, signal);
  }

  async function attempt(
    batch: readonly Readable[],
    attemptsMax: number,
    signal: AbortSignal,
  ): Promise<Outcome[] | { failed: unknown }> {
    let connections = 1;
    for (let attempts = 1; ;) {
      try {
        const outcomes = await inTransaction(pool, (tx) => handleInTransaction(tx, batch));
        participant.committed?.();
        evidence.succeeded(batch.filter((_, index) => isProof(outcomes[index])).map(triedOf));
        return outcomes;
      } catch (error) {
        const trouble = triageDatabaseError(error, participant.racingConstraints);
        const exhausted = attempts >= attemptsMax;
        // It took its connection and all idle ones with it: what was prepared on them may be all that was wrong.
        if (trouble === 'place' && connections++ === 1) continue;
        if (givesUp(trouble, { exhausted, alone: batch.length === 1 })) return { failed: error };
        if (trouble === 'conflict' || (trouble === 'lost_race' && !exhausted)) {
          attempts += 1;
          await pause(retryPauseMs * attempts * Math.random(), undefined, { signal });
        } else {
          evidence.waited(error);
          logger.warn({ err: error, trouble }, 'consumption waits for the database');
          await pause(unavailablePauseMs, undefined, { signal });
        }
      }
    }
  }

  async function handleInTransaction(tx: Transaction, batch: readonly Readable[]): Promise<Outcome[]> {
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

  /** The broker had it in time, long ago or by a clock of its own: the inbox cannot remember it. */
  function parkOutside(record: ConsumedRecord, signal: AbortSignal): Promise<Outcome> {
    const outside = outsideWindow(record);
    return park(outside, outside.reason, outside.detail, signal);
  }

  async function park(each: Read, reason: string, error: string, signal: AbortSignal): Promise<Outcome> {
    const parking: Parking = { record: each.record, reason, error };
    markFailed(reason);
    const entry = each.kind === 'refused' ? each.inboxEntry : inboxEntry(each.record, each.event.id, each.event.type);
    logger.error({ reason, error, ...placeOf(each.record) }, 'message parked');
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
        if (tableWithoutPartition(parkError) === 'inbox') return parkOutside(each.record, signal);
        evidence.waited(parkError);
        logger.error({ err: parkError }, 'parking failed: consumption waits');
        await pause(unavailablePauseMs, undefined, { signal });
      }
    }
  }
}

/** Whether trying the same records again in one transaction is pointless: then they are tried one by one, and a single one is in doubt. */
function givesUp(trouble: DatabaseTrouble, { exhausted, alone }: { exhausted: boolean; alone: boolean }): boolean {
  switch (trouble) {
    case 'place':
    case 'unexplained':
    case 'too_much':
      return true;
    case 'conflict':
      return exhausted;
    case 'lost_race':
      return exhausted && !alone;
    case 'unavailable':
      return false;
    default:
      return trouble satisfies never;
  }
}

/** A duplicate has touched the inbox alone, and one that waits behind another was not tried. */
function isProof(outcome: Outcome | undefined): boolean {
  return outcome === 'handled' || outcome === 'ignored';
}

function triedOf({ record, event }: Readable): Tried {
  return { id: event.id, type: event.type, key: record.key ?? '' };
}

function idOf(each: Read | undefined): string {
  return each?.kind === 'readable' ? each.event.id : '';
}

function placeOf(record: ConsumedRecord) {
  const { topic, partition, offset } = record;
  return { key: scopeKeyOf(record), topic, partition, offset };
}

function inboxEntries(batch: readonly Readable[]): InboxEntry[] {
  return batch.map(({ record, event }) => inboxEntry(record, event.id, event.type));
}
