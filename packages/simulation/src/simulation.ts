import { isSettled, restBreaches } from './invariants.ts';
import { readers } from './order-life.ts';
import type { Rules } from './rules.ts';
import { makeUpSchedule, type Schedule } from './schedule.ts';
import { isWholeStockRight } from './shop-changes.ts';
import { act } from './shop-steps.ts';
import { openShop, type Shop, type ShopBreach, type ShopStep } from './shop.ts';

/** What a seed came to: how many steps were made up, and the rule that broke, if one did. */
export type Trial = { readonly steps: number; readonly broken: ShopBreach | null };

/** Tries the schedule of a seed, then lets everything come to rest and compares the books. */
export function trySeed(rules: Rules, seed: number): Trial {
  const { schedule, shop, broken } = makeUpSchedule(rules, seed);
  return { steps: schedule.steps.length, broken: broken ?? comeToRest(shop) };
}

/** The story of a seed, line by line. One that breaks a rule is first shortened to what it takes to break it. */
export function tellSeed(rules: Rules, seed: number): readonly string[] {
  const { schedule } = makeUpSchedule(rules, seed);
  const broken = run(rules, schedule, null);
  const told =
    broken === null ? schedule : shorten(schedule, (shorter) => run(rules, shorter, null)?.breach === broken.breach);
  const story: string[] = [];
  run(rules, told, story);
  return story;
}

function run(rules: Rules, { skewMs, onHand, steps }: Schedule, story: string[] | null): ShopBreach | null {
  const shop = openShop(rules, skewMs, onHand, story);
  for (const step of steps) {
    const happening = act(shop, step);
    if (typeof happening === 'object') return happening;
  }
  return comeToRest(shop);
}

/** Leaves out as much as possible: halves, then quarters, down to single steps, as long as what is left satisfies `isBroken`. */
function shorten(schedule: Schedule, isBroken: (schedule: Schedule) => boolean): Schedule {
  let { steps } = schedule;
  for (let size = Math.ceil(steps.length / 2); size >= 1;) {
    let isShorter = false;
    for (let begin = 0; begin < steps.length;) {
      const shorter = steps.toSpliced(begin, size);
      if (isBroken({ ...schedule, steps: shorter })) {
        steps = shorter;
        isShorter = true;
      } else {
        begin += size;
      }
    }
    if (size === 1 && !isShorter) break;
    if (size > 1) size = Math.ceil(size / 2);
  }
  return { ...schedule, steps };
}

/** Rounds until rest: each hears and calls everything that is there, so a healthy shop needs about ten. */
const roundsMax = 40;
const restWaitMs = 300_000;

/** No fault happens any more and time goes on: everything is heard, asked for and answered. Then the books must balance. */
function comeToRest(shop: Shop): ShopBreach | null {
  shop.story?.push('from here on no fault happens');
  act(shop, { does: 'wait', ms: restWaitMs });
  for (let round = 0; round < roundsMax; round++) {
    let isIdle = true;
    for (const step of restSteps(shop)) {
      const happening = act(shop, step);
      if (typeof happening === 'object') return happening;
      isIdle &&= happening === 'idle';
    }
    if (isIdle) return compareAtRest(shop);
  }
  return { breach: 'a good end stays reachable', about: 'the shop' };
}

function* restSteps(shop: Shop): Iterable<ShopStep> {
  for (const reader of readers.keys()) yield { does: 'hear', reader, messages: Infinity, commits: true };
  for (const order of shop.lives.keys()) {
    yield { does: 'sweep', order };
    if (!shop.calls.some(({ orderId }) => orderId === order)) yield { does: 'ask', order };
    for (const [call] of shop.calls.filter(({ orderId }) => orderId === order).entries())
      yield { does: 'reach', order, call };
    yield { does: 'answer', order, call: 0 };
    yield { does: 'mail', order };
    yield { does: 'note mail', order };
  }
}

function compareAtRest(shop: Shop): ShopBreach | null {
  for (const [orderId, life] of shop.lives) {
    if (!isSettled(life)) return { breach: 'a good end stays reachable', about: orderId };
    // What an operator has discarded was not heard: all that is promised then is that the order balances.
    const breach = restBreaches(life).find(
      (each) => each !== 'rest: nothing lost or twice' || !shop.discarded.has(orderId),
    );
    if (breach !== undefined) return { breach, about: orderId };
  }
  return isWholeStockRight(shop) ? null : { breach: 'stock adds up', about: 'the shop' };
}
