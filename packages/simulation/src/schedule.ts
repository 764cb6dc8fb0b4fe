import type { OrderId } from '@sagamart/contracts/ids';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { readers, sagaTopics } from './order-life.ts';
import type { Rules } from './rules.ts';
import { act } from './shop-steps.ts';
import { openShop, skus, type Shop, type ShopBreach, type ShopStep, type Skew } from './shop.ts';

/** A beginning and what happens then: the same schedule always tells the same story. */
export type Schedule = {
  readonly skewMs: Skew;
  readonly onHand: readonly number[];
  readonly steps: readonly ShopStep[];
};

const stepsMin = 30;
const stepsMax = 140;
/** One schedule in so many has a crowd of orders in it. */
const crowdEvery = 16;
const crowdMax = 12;
const ordersMax = 3;
const skewMaxMs = 45_000;

/** Makes up the schedule of a seed by trying what can happen, and tries it. Ends early when a rule breaks. */
export function makeUpSchedule(
  rules: Rules,
  seed: number,
): { schedule: Schedule; shop: Shop; broken: ShopBreach | null } {
  const generator = xoroshiro128plus(seed);
  const below = (end: number): number => uniformInt(generator, 0, end - 1);
  const skewMs = { order: below(2 * skewMaxMs) - skewMaxMs, payment: below(2 * skewMaxMs) - skewMaxMs };
  const onHand = skus.map(() => below(4));
  const orderCount = 1 + below(below(crowdEvery) === 0 ? crowdMax : ordersMax);
  const orders = Array.from({ length: orderCount }, (_, index) => String.fromCharCode(65 + index) as OrderId);
  const length = stepsMin + below(stepsMax - stepsMin);
  const shop = openShop(rules, skewMs, onHand, null);
  const steps: ShopStep[] = [];
  for (let tries = 0; steps.length < length && tries < 4 * length; tries++) {
    const step = randomStep(below, orders);
    const happening = act(shop, step);
    if (happening === 'idle') continue;
    steps.push(step);
    if (happening !== 'done') return { schedule: { skewMs, onHand, steps }, shop, broken: happening };
  }
  return { schedule: { skewMs, onHand, steps }, shop, broken: null };
}

type Below = (end: number) => number;

/** What happens how often, of 100. */
const weights = [
  ['hear', 35],
  ['place', 8],
  ['ask', 9],
  ['reach', 10],
  ['answer', 8],
  ['lose', 4],
  ['mail', 5],
  ['note mail', 5],
  ['refuse mail', 1],
  ['cancel', 3],
  ['refund by hand', 1],
  ['sweep', 2],
  ['wait', 2],
  ['crash', 2],
  ['replay', 1],
  ['publish again', 1],
  ['discard', 1],
  ['restock', 1],
  ['change price', 1],
] as const satisfies readonly (readonly [ShopStep['does'], number])[];

const lottery = weights.flatMap(([does, weight]) => Array.from({ length: weight }, () => does));
const services = ['order', 'inventory', 'payment', 'notification'];
const waitsMs = [1_000, 1_000, 5_000, 20_000, 61_000, 901_000];

function randomStep(below: Below, orders: readonly OrderId[]): ShopStep {
  const one = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const does = one(lottery);
  switch (does) {
    case 'hear':
      return { does, reader: below(readers.length), messages: 1 + below(3), commits: below(3) > 0 };
    case 'discard':
    case 'replay':
      return { does, reader: below(readers.length) };
    case 'crash':
      return { does, service: one(services) };
    case 'publish again':
      return { does, topic: one(sagaTopics), messages: 1 + below(4) };
    case 'place': {
      const lines = Array.from({ length: 1 + below(2) }, () => ({ sku: one(skus), quantity: 1 + below(2) }));
      const card = below(5) === 0 ? 'tok_declined' : 'tok_visa';
      return { does, order: one(orders), lines, card, email: below(4) === 0 ? null : 'a@example.org' };
    }
    case 'reach':
    case 'answer':
    case 'lose':
      return { does, order: one(orders), call: below(4) };
    case 'ask':
    case 'mail':
    case 'note mail':
    case 'refuse mail':
    case 'cancel':
    case 'refund by hand':
    case 'sweep':
      return { does, order: one(orders) };
    case 'wait':
      return { does, ms: one(waitsMs) };
    case 'restock':
      return { does, sku: one(skus), quantity: 1 + below(3) };
    case 'change price':
      return { does, sku: one(skus), priceMinor: 1 + below(2_000) };
    default:
      return does satisfies never;
  }
}
