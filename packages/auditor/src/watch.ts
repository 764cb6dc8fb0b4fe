import { setTimeout as pause } from 'node:timers/promises';
import type { Verdict } from './look.ts';
import type { OpenBooks } from './open-books.ts';

export type Watch = {
  /** Ends with a last look. Whatever was always true and was seen broken is in its findings. */
  readonly stop: () => Promise<Watched>;
};

export type Watched = { readonly verdict: Verdict; readonly looks: number; readonly unread: ReadonlySet<string> };

/**
 * Looks again and again beside whatever goes on, also in mid-fault: what cannot be read is named, and read when it is back. `onLook` is told every
 * verdict.
 */
export function watchBooks(
  books: Pick<OpenBooks, 'look'>,
  { everyMs = 1_000, onLook = () => undefined }: { everyMs?: number; onLook?: (verdict: Verdict) => void } = {},
): Watch {
  const stopping = new AbortController();
  const unread = new Set<string>();
  let looks = 0;
  const look = async (): Promise<Verdict> => {
    const verdict = await books.look();
    looks += 1;
    for (const what of verdict.unread) unread.add(what);
    onLook(verdict);
    return verdict;
  };
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await look();
      await pause(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    return look();
  })();
  return {
    stop: async () => {
      stopping.abort();
      return { verdict: await watching, looks, unread };
    },
  };
}

/** What is new in a verdict since the one before, a line each. */
export function changesOf(before: Verdict | undefined, now: Verdict): string[] {
  const [was, is] = [linesOf(before), linesOf(now)];
  return [
    ...[...is].filter((line) => !was.has(line)),
    ...[...was].filter((line) => !is.has(line)).map((line) => `no longer ${line}`),
  ];
}

function linesOf(verdict: Verdict | undefined): Set<string> {
  return new Set([
    ...(verdict?.unread ?? []).map((what) => `unread: ${what}`),
    ...(verdict?.findings ?? []).map(({ invariant, about, detail }) => `broken: ${invariant}  ${about}  ${detail}`),
  ]);
}
