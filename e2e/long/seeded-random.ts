import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export type SeededRandom = {
  readonly seed: number;
  /** A whole number from 0 up to, but not, `end`. */
  readonly below: (end: number) => number;
  /** One of these, each as likely. Throws when there is none. */
  readonly one: <T>(items: readonly T[]) => T;
  readonly shuffled: <T>(items: readonly T[]) => T[];
};

const seedEnd = 2 ** 31;

/** Chance that can be had again: the same seed gives the same numbers. SEED in the environment sets it; without, each run has another. */
export function openRandom(given: string | undefined = process.env.SEED): SeededRandom {
  const seed = given === undefined ? Math.floor(Math.random() * seedEnd) : Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`A seed must be a whole number, got ${given}.`);
  const generator = xoroshiro128plus(seed);
  const below = (end: number): number => uniformInt(generator, 0, end - 1);
  return {
    seed,
    below,
    one: (items) => {
      const [item] = items.slice(below(items.length));
      if (item === undefined) throw new Error('There is nothing to choose from.');
      return item;
    },
    shuffled: (items) => {
      const left = [...items];
      return items.flatMap(() => left.splice(below(left.length), 1));
    },
  };
}
