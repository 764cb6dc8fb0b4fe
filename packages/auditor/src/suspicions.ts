import type { Finding } from './books.ts';

/**
 * What was found wrong, by the key it is about. The books are not all read at one moment, so what is found once may be a race of the reading: it is
 * suspected, and it stands when it was found again, in the same words, by each look of a while.
 */
export type Suspicions = {
  /** What a look has found about these keys: all that there is to find about them. */
  readonly renew: (keys: Iterable<string>, found: readonly Finding[], nowMs: number) => void;
  readonly standing: () => Finding[];
  /** Found, but not for long enough. */
  readonly suspected: () => Finding[];
  /** The keys that anything was found about. */
  readonly keys: () => Iterable<string>;
};

type Suspicion = { finding: Finding; sinceMs: number; stands: boolean };

export function openSuspicions(provenAfterMs: number): Suspicions {
  const byKey = new Map<string, Map<string, Suspicion>>();
  const list = (stands: boolean) =>
    [...byKey.values()]
      .flatMap((suspicions) => [...suspicions.values()])
      .filter((suspicion) => suspicion.stands === stands)
      .map(({ finding }) => finding);

  return {
    renew: (keys, found, nowMs) => {
      const foundOf = Map.groupBy(found, ({ about }) => about);
      for (const key of new Set([...keys, ...foundOf.keys()])) {
        const before = byKey.get(key);
        const now = new Map<string, Suspicion>();
        for (const finding of foundOf.get(key) ?? []) {
          const text = `${finding.invariant} ${finding.detail}`;
          const known = before?.get(text);
          const sinceMs = known?.sinceMs ?? nowMs;
          now.set(text, { finding, sinceMs, stands: known !== undefined && nowMs - sinceMs >= provenAfterMs });
        }
        if (now.size > 0) byKey.set(key, now);
        else byKey.delete(key);
      }
    },
    standing: () => list(true),
    suspected: () => list(false),
    keys: () => byKey.keys(),
  };
}
