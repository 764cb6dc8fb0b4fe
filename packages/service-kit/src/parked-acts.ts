import { setTimeout as pause } from 'node:timers/promises';
import { discardRuleOf } from '@sagamart/contracts/discarding';
import type { EventType } from '@sagamart/contracts/events';
import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';
import { inRetriedTransaction, inTransaction, type Transaction } from './transaction.ts';
import { triageDatabaseError } from './database-trouble.ts';
import { recordReplayed } from './inbox.ts';
import { startMessageSpans } from './message-spans.ts';
import type { Evidence } from './evidence.ts';
import { lockScopes } from './parked.ts';
import {
  appendAct,
  findFirstParked,
  findParked,
  isSuperseded,
  recordFailedReplay,
  settleParked,
  type ParkedDetail,
  type ParkedMessage,
  type ParkedStatus,
} from './parked-store.ts';
import { parkingReasonOf, takePart, type Participant } from './participant.ts';
import { Problem } from './problem.ts';
import { inboxEntry, readParked } from './read-record.ts';

/** What an operator asks for. */
export type Wish = { readonly id: string; readonly operator: string } & (
  | { readonly act: 'replay' }
  | {
      readonly act: 'discard';
      readonly reason: string;
      /** The order service was asked, and never said this outcome: a forgery, without which nothing is lost. */
      readonly neverSaid?: boolean;
    }
);

/** What came of it: the message's status now, how many behind it were handled too, and the first of its key that still waits. */
export type Settled = {
  readonly id: string;
  readonly status: ParkedStatus;
  readonly handledBehind: number;
  readonly next: Next | null;
};

type Next = Pick<ParkedMessage, 'id' | 'type' | 'reason' | 'error' | 'attempts' | 'waitingBehind'>;

/**
 * Replays or discards the first message of a queue, then handles what waits behind it, in order, until nothing does, one fails again or the time of a
 * request is over. Each message is a transaction that holds its FIFO scope alone. A repeated wish changes nothing and says what became of the message.
 * Throws Problem 404, 409 for a message that is not the first, was settled otherwise or may not be discarded, and 503 while it is not the message that
 * fails but the place where it is handled: that is no attempt.
 */
export function createParkedActs<Work, Heard extends EventType>(options: {
  pool: Pool;
  participant: Participant<Work, Heard>;
  logger: Logger;
  evidence?: Evidence | undefined;
}): (wish: Wish) => Promise<Settled> {
  const { pool, participant, logger, evidence } = options;

  return async (wish) => {
    const message = await findParked(pool, wish.id);
    if (message === null) throw unknownMessage(wish.id);
    const endAtMs = performance.now() + actWithinMs;
    const first = await takeTurn(message, wish, endAtMs);
    let handledBehind = 0;
    if (first === 'settled') {
      while (performance.now() < endAtMs && (await takeTurn(message, { behind: wish }, endAtMs)) === 'settled')
        handledBehind += 1;
    }
    const [now, next] = await Promise.all([findParked(pool, wish.id), findFirstParked(pool, message)]);
    return {
      id: wish.id,
      status: now?.status ?? message.status,
      handledBehind,
      next: next === null ? null : nextOf(next),
    };
  };

  /** One transaction over the first message of the scope. A lost race is run again; what fails otherwise stays parked, with one attempt more. */
  async function takeTurn(
    scope: ParkedMessage,
    turn: Turn,
    endAtMs: number,
  ): Promise<'settled' | 'failed' | 'nothing'> {
    for (let attempts = 1; ; attempts += 1) {
      let tried: ParkedDetail | undefined;
      try {
        const outcome = await inTransaction(pool, async (tx) => {
          await lockScopes(tx, [scope], 'exclusive');
          tried = await choose(tx, scope, turn);
          return tried === undefined ? 'nothing' : settle(tx, tried, turn);
        });
        if (outcome === 'settled') participant.committed?.();
        return outcome;
      } catch (error) {
        const trouble = triageDatabaseError(error, participant.racingConstraints);
        const isLasting = trouble === 'unexplained' || (trouble === 'conflict' && attempts >= conflictAttemptsMax);
        if (isLasting && evidence?.blamesPlaceFor(error) === true) throw notNow(error);
        if (isLasting && tried !== undefined && !(error instanceof Problem)) {
          await keepParked(tried, turn, error);
          return 'failed';
        }
        if (trouble === 'place' && attempts > 1) throw notNow(error);
        const mayPass = trouble === 'lost_race' || trouble === 'conflict' || trouble === 'place';
        if (isLasting || !mayPass || performance.now() > endAtMs) throw error;
        await pause(retryPauseMs * attempts * Math.random());
      }
    }
  }

  async function settle(tx: Transaction, message: ParkedDetail, turn: Turn): Promise<'settled' | 'failed'> {
    if ('act' in turn && turn.act === 'discard') {
      await refuseForbiddenDiscard(tx, message, turn);
      await settleParked(tx, message.id, 'discarded');
      await appendAct(tx, { ...actOf(message, turn), outcome: 'discarded', error: null });
      return 'settled';
    }
    const read = readParked(message.record);
    if (read.kind === 'refused') {
      await recordFailedReplay(tx, message.id, { reason: read.reason, error: read.detail });
      await appendAct(tx, { ...actOf(message, turn), outcome: 'parked', error: read.detail });
      return 'failed';
    }
    const isFirst =
      message.inInbox || (await recordReplayed(tx, inboxEntry(read.record, read.event.id, read.event.type)));
    const spans = startMessageSpans([read]);
    try {
      const events = isFirst ? spans.messages.map(({ event }) => event) : [];
      await spans.together(() => takePart(tx, participant, events));
    } finally {
      spans.end();
    }
    await settleParked(tx, message.id, 'replayed');
    await appendAct(tx, { ...actOf(message, turn), outcome: 'replayed', error: null });
    return 'settled';
  }

  async function keepParked(message: ParkedDetail, turn: Turn, failed: unknown): Promise<void> {
    const { reason, error } = parkingReasonOf(failed);
    logger.error({ reason, error, id: message.id }, 'replayed message stays parked');
    await inRetriedTransaction(pool, async (tx) => {
      await lockScopes(tx, [message], 'exclusive');
      await recordFailedReplay(tx, message.id, { reason, error });
      await appendAct(tx, { ...actOf(message, turn), outcome: 'parked', error });
    });
  }
}

/** Less than a caller waits for an answer. */
const actWithinMs = 4_000;
const conflictAttemptsMax = 10;
const retryPauseMs = 20;

/** Either what the operator asked for, or the next message behind it. */
type Turn = Wish | { readonly behind: Wish };

/** The message whose turn it is, read under the lock; undefined when there is nothing to do. */
async function choose(tx: Transaction, scope: ParkedMessage, turn: Turn): Promise<ParkedDetail | undefined> {
  const first = await findFirstParked(tx, scope);
  if ('behind' in turn) return first ?? undefined;
  if (first?.id === turn.id) return first;
  const message = await findParked(tx, turn.id);
  if (message === null) throw unknownMessage(turn.id);
  if (message.status === 'parked') throw notFirst(message, first);
  if (message.status === settledBy[turn.act]) return undefined;
  throw new Problem({
    status: 409,
    code: `already_${message.status}`,
    detail: `This message was ${message.status} before; its acts say by whom. There is nothing left to do.`,
  });
}

const settledBy = { replay: 'replayed', discard: 'discarded' } as const;

function actOf(message: ParkedDetail, turn: Turn) {
  if ('behind' in turn) {
    return {
      id: message.id,
      act: 'replay',
      operator: turn.behind.operator,
      reason: null,
      behind: turn.behind.id,
    } as const;
  }
  const forgery = 'neverSaid' in turn && turn.neverSaid ? ' (the order service never said it)' : '';
  const reason = turn.act === 'discard' ? `${turn.reason}${forgery}` : null;
  return { id: message.id, act: turn.act, operator: turn.operator, reason, behind: null };
}

async function refuseForbiddenDiscard(
  tx: Transaction,
  message: ParkedDetail,
  { neverSaid = false }: { neverSaid?: boolean },
): Promise<void> {
  const read = readParked(message.record);
  // Our outboxes hold only what can be read: it is nobody's word, whatever it claims to be. A version that is not known may be a newer one of ours.
  if (read.kind === 'refused' && read.reason !== 'unknown_major_version') return;
  const rule = discardRuleOf(message.type);
  if (rule === 'never' && !neverSaid) {
    const detail = `${message.type} is the outcome of a saga: it can be replayed, never discarded. Repair what keeps it from being handled, then replay.`;
    throw new Problem({ status: 409, code: 'discard_forbidden', detail });
  }
  if (rule === 'superseded' && !(await isSuperseded(tx, message.id))) {
    const detail = `${message.type} is the last word on ${message.key} until a later one waits behind it. Change ${message.key}, so that it is said again, then discard.`;
    throw new Problem({ status: 409, code: 'discard_loses_data', detail });
  }
}

function notFirst(message: ParkedDetail, first: ParkedDetail | null): Problem {
  const detail = `This message waits behind ${first?.id ?? 'another'} of ${message.key}. Replay or discard that one; this one follows.`;
  return new Problem({ status: 409, code: 'not_first_in_line', detail });
}

function notNow(cause: unknown): Problem {
  const words = cause instanceof Error ? cause.message : String(cause);
  const detail = `Not tried: what surrounds the message fails, not the message (${words}). Repair that, then try again.`;
  return new Problem({ status: 503, code: 'place_in_trouble', detail, headers: { 'retry-after': '5' }, cause });
}

/** The refusal for an id that no parked message of this service has. */
export function unknownMessage(id: string): Problem {
  const detail = `There is no parked message ${id} here. GET /parked-messages lists what there is.`;
  return new Problem({ status: 404, code: 'not_found', detail });
}

function nextOf({ id, type, reason, error, attempts, waitingBehind }: ParkedMessage): Next {
  return { id, type, reason, error, attempts, waitingBehind };
}
