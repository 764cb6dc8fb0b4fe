import type { Model } from './exploration.ts';
import { alwaysBreaches, isSettled, isStockRight, restBreaches } from './invariants.ts';
import { createOrderCodec } from './order-codec.ts';
import type { Meet } from './order-decisions.ts';
import { createOrderSteps, type Bounds, type Step } from './order-steps.ts';
import { tellBeginning, tellStep } from './order-story.ts';
import { readers } from './order-life.ts';
import { addressless, beginWorld, declinable, payable, soldOut, type World } from './order-world.ts';
import type { Rules } from './rules.ts';

const all = [payable, addressless, declinable, soldOut];

/** What the tests explore; `npm run explore` goes further. */
export const testBounds: Bounds = {
  callsMax: 1,
  discardsMax: 0,
  changedAgainMax: 2,
  refundsByHandMax: 1,
  beginnings: all,
};
export const discardBounds: Bounds = {
  ...testBounds,
  discardsMax: 1,
  refundsByHandMax: 0,
  beginnings: [payable, declinable, soldOut],
};
export const fullBounds: readonly Bounds[] = [
  { ...testBounds, callsMax: 3 },
  { ...testBounds, callsMax: 2, discardsMax: 1, refundsByHandMax: 0 },
  { ...discardBounds, discardsMax: 2 },
];

/** One order, from the moment it is accepted, under everything that can happen to it. */
export function modelOneOrder(rules: Rules, bounds: Bounds, meet: Meet = () => {}): Model<World, Step> {
  return {
    beginnings: bounds.beginnings.map(beginWorld),
    ...createOrderCodec(),
    next: createOrderSteps(rules, bounds, meet),
    alwaysBreaches: (world) => {
      const breaches = alwaysBreaches(world);
      const { stock, supplied, reservation } = world;
      return isStockRight(stock, () => supplied, [reservation.reservation]) ? breaches : [...breaches, 'stock adds up'];
    },
    isQuiet: (world) =>
      isSettled(world) &&
      world.calls.length === 0 &&
      readers.every(({ index, topic }) => world.heard[index] === world.said[topic].length),
    restBreaches: (world) => {
      const breaches = restBreaches(world);
      // What an operator has discarded was not heard: all that is promised then is that the order balances.
      return world.discards === 0 ? breaches : breaches.filter((breach) => breach !== 'rest: nothing lost or twice');
    },
    isBoundToCome: ({ does }) => !mayNeverHappen.has(does),
    tell: tellStep,
    tellBeginning,
  };
}

/** Nobody may rely on a customer who cancels, on a message that comes again, on a person at a desk, on a refusal, or on an accident. */
const mayNeverHappen: ReadonlySet<Step['does']> = new Set([
  'cancels',
  'hears again',
  'misses',
  'is not heard',
  'refuses mail',
  'refunds by hand',
]);
