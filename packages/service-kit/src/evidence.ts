import { likenessOf, triageDatabaseError } from './database-trouble.ts';
import type { ReadinessCheck } from './http-app.ts';

/** A message that was tried, as far as it is compared with others. */
export type Tried = { readonly id: string; readonly type: string; readonly key: string };

/**
 * Whose failure it is. `message`: others of its type succeed, this one does not. `place`: it would befall any message. `unproven`: nothing came within
 * 8 s that it could be compared with. `open`: try again and see.
 */
export type Verdict = 'message' | 'place' | 'unproven' | 'open';

/** Messages of so many keys that fail alike, while none of their type succeeds, are not at fault. */
export const keysAlikeMin = 3;
/** Longer than a place that is broken by hand usually stays so, shorter than orders behind the message may wait. */
const comparedWithinMs = 8_000;
const releasedForMs = 600_000;
const waitShownAfterMs = 2_000;

type Doubt = Tried & {
  readonly alike: string;
  readonly error: string;
  readonly sinceMs: number;
  /** No value can bring this error about, so what others do proves nothing against the message. */
  readonly isOfPlace: boolean;
  blamesPlace: boolean;
  /** A message of its type and another key has succeeded since it failed. */
  isContradicted: boolean;
  isParked: boolean;
};

export type Evidence = ReturnType<typeof createEvidence>;

/**
 * What one process knows of messages that failed for a reason that does not say whose it is, and of those that succeeded meanwhile: by comparing them
 * it tells a message that cannot be handled from a place where none can.
 */
export function createEvidence(now: () => number = () => performance.now()) {
  const doubts = new Map<string, Doubt>();
  const releasedAtMs = new Map<string, number>();
  let waits: { error: string; sinceMs: number } | null = null;

  const blamed = (): Doubt | undefined =>
    [...doubts.values()].find(({ blamesPlace, isContradicted }) => blamesPlace && !isContradicted);

  return {
    /** Notes that a message failed once more, alone and on a new connection if it failed before, and says whose failure that is. */
    failed: (tried: Tried, error: unknown): Verdict => {
      const alike = likenessOf(error);
      const before = doubts.get(tried.id);
      const doubt = before?.alike === alike ? before : doubtOf(tried, error, now());
      doubts.set(tried.id, doubt);
      if (now() - (releasedAtMs.get(alike) ?? -Infinity) < releasedForMs) return convict(doubt);
      if (doubt.isContradicted) return convict(doubt);
      doubt.blamesPlace = doubt.isOfPlace || keysThatFail(alike).size >= keysAlikeMin;
      if (doubt.blamesPlace) return 'place';
      if (now() - doubt.sinceMs < comparedWithinMs) return 'open';
      doubt.isParked = true;
      return 'unproven';
    },

    /** Notes that messages were handled, or recorded as none of ours: what surrounds them works for messages of their types. */
    succeeded: (handled: readonly Tried[]): void => {
      waits = null;
      if (doubts.size === 0) return;
      for (const { id, type, key } of handled) {
        doubts.delete(id);
        for (const doubt of doubts.values()) {
          if (doubt.type !== type || doubt.key === key || doubt.isOfPlace) continue;
          doubt.isContradicted = true;
          if (doubt.isParked) doubts.delete(doubt.id);
        }
      }
    },

    /** Notes that nothing can be handled because of an error that is known to pass. */
    waited: (error: unknown): void => {
      waits ??= { error: wordsOf(error), sinceMs: now() };
    },

    /** True while messages wait for the place to heal that failed like this. */
    blamesPlaceFor: (error: unknown): boolean => {
      const alike = likenessOf(error);
      return [...doubts.values()].some((doubt) => doubt.alike === alike && doubt.blamesPlace && !doubt.isContradicted);
    },

    /** True while messages wait for the place where they are handled to heal. */
    blamesPlace: (): boolean => blamed() !== undefined,

    /** True of a message in doubt once another of its type has succeeded: its next failure decides, so there is nothing to wait for. */
    isContradicted: (id: string): boolean => doubts.get(id)?.isContradicted === true,

    /** Why consumption is paused, if it is. `release` is an operator's word that the messages are at fault: for ten minutes what fails alike is parked. */
    pause: (): { error: string; release: () => void } | null => {
      const doubt = blamed();
      if (doubt === undefined) return null;
      const { alike, error } = doubt;
      return { error, release: () => void releasedAtMs.set(alike, now()) };
    },

    /** Null, or why no message is handled and what can be done. */
    trouble: (): string | null => {
      const doubt = blamed();
      if (doubt !== undefined) {
        const alike = [...doubts.values()].filter((each) => each.alike === doubt.alike).length;
        const seconds = Math.round((now() - doubt.sinceMs) / 1_000);
        return `consumption is paused for ${seconds} s: not a message but its surroundings fail (${doubt.error}; seen with ${alike}). It goes on by itself when that is repaired; npm run parked -- release <service> parks such messages instead`;
      }
      if (waits === null || now() - waits.sinceMs < waitShownAfterMs) return null;
      return `consumption waits for ${Math.round((now() - waits.sinceMs) / 1_000)} s: ${waits.error}`;
    },
  };

  function convict(doubt: Doubt): 'message' {
    doubts.delete(doubt.id);
    return 'message';
  }

  function keysThatFail(alike: string): Set<string> {
    const failing = [...doubts.values()].filter((doubt) => doubt.alike === alike && !doubt.isContradicted);
    return new Set(failing.map(({ key }) => key));
  }
}

/** An alarm for /readyz while nothing is consumed because of what surrounds the messages. */
export function pausedAlarm(evidence: Evidence): ReadinessCheck {
  return { name: 'consumption', check: evidence.trouble };
}

/** Readiness of the consumer: red when it handles nothing, with the cause where that is known. */
export function consumerReadiness(
  { trouble }: { trouble: () => string | null },
  evidence: Evidence,
): { name: string; check: () => string | null } {
  return {
    name: 'consumer',
    check: () => {
      const stands = trouble();
      return stands === null ? null : (evidence.trouble() ?? stands);
    },
  };
}

function doubtOf({ id, type, key }: Tried, error: unknown, sinceMs: number): Doubt {
  const isOfPlace = triageDatabaseError(error) === 'place';
  const words = { alike: likenessOf(error), error: wordsOf(error) };
  return { id, type, key, ...words, sinceMs, isOfPlace, blamesPlace: false, isContradicted: false, isParked: false };
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${String(error.code)} ${error.message}` : `${error.name}: ${error.message}`;
}
