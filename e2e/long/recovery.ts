import { setTimeout as pause } from 'node:timers/promises';
import type { OpenBooks } from '@sagamart/auditor/open-books';
import type { RunningLoad } from '@sagamart/bench/load';
import type { PartName, PartStatus } from '@sagamart/stack/part';
import { controlPart, readShopStatus, type Shop } from '@sagamart/stack/shop';

export type ShopUnderLoad = {
  readonly shop: Shop;
  readonly books: OpenBooks;
  readonly load: RunningLoad['load'];
};

/** More than an order takes from placed to told. What is older and not at rest has been held up. */
const usualMs = 1_000;
/** A shop that has caught up stays so for this long. The time counts up to when it first was. */
const staysMs = 2_000;
/** A part that was up for less and dies again waits longer before its next start: that is a crash loop, not a crash. */
const healthyMs = 20_000;
const lookBackMs = 10_000;
const lookEveryMs = 300;
const giveUpMs = 90_000;

/** Kills a part of a shop that has caught up, as a crash would, and resolves with the seconds until it is back and the shop has caught up again. */
export async function killAndMeasure(under: ShopUnderLoad, part: PartName): Promise<number> {
  const sinceMs = Date.now();
  await untilHolds(sinceMs, async () => {
    const { state, since } = await readPart(under.shop, part);
    const isHealthy = state === 'running' && Date.now() - Date.parse(since) > healthyMs;
    return isHealthy ? notCaughtUp(under, sinceMs) : [`${part} is ${state} since ${since}`];
  });
  const { pid } = await readPart(under.shop, part);
  const killedAtMs = Date.now();
  await controlPart(under.shop.home, part, 'kill');
  const caughtUpAtMs = await untilHolds(killedAtMs, async () => {
    const now = await readPart(under.shop, part);
    const isBack = now.state === 'running' && now.pid !== pid;
    return isBack ? notCaughtUp(under, killedAtMs) : [`${part} is ${now.state}`];
  });
  return (caughtUpAtMs - killedAtMs) / 1_000;
}

/** Pauses a part of a shop that has caught up, and resolves with the seconds from its resuming until the shop has caught up again. */
export async function pauseAndMeasure(under: ShopUnderLoad, part: PartName, pausedMs: number): Promise<number> {
  const sinceMs = Date.now();
  await untilHolds(sinceMs, () => notCaughtUp(under, sinceMs));
  const pausedAtMs = Date.now();
  await controlPart(under.shop.home, part, 'pause');
  try {
    await pause(pausedMs);
  } finally {
    await controlPart(under.shop.home, part, 'resume');
  }
  const resumedAtMs = Date.now();
  return ((await untilHolds(resumedAtMs, () => notCaughtUp(under, pausedAtMs))) - resumedAtMs) / 1_000;
}

/** Resolves with the moment from which on nothing was unmet; rejects with what still is. */
async function untilHolds(sinceMs: number, readUnmet: () => Promise<string[]>): Promise<number> {
  let heldFromMs = Infinity;
  for (;;) {
    const unmet = await readUnmet();
    const nowMs = Date.now();
    heldFromMs = unmet.length === 0 ? Math.min(heldFromMs, nowMs) : Infinity;
    if (nowMs - heldFromMs >= staysMs) return heldFromMs;
    if (nowMs - sinceMs > giveUpMs)
      throw new Error(`the shop has not caught up after ${giveUpMs / 1_000} s: ${unmet.join('; ') || 'not for long'}`);
    await pause(lookEveryMs);
  }
}

async function notCaughtUp({ books, load }: ShopUnderLoad, sinceMs: number): Promise<string[]> {
  const nowMs = Date.now();
  const isOpen = (load.accepted.at(-1)?.acceptedAtMs ?? 0) > nowMs - usualMs;
  if (!isOpen) return [`no order was accepted for ${usualMs} ms`];
  // A database that is down cannot be asked, which is an answer.
  return books
    .readUnmet({ fromMs: sinceMs - lookBackMs, beforeMs: nowMs - usualMs })
    .catch((error: unknown) => [String(error)]);
}

async function readPart(shop: Shop, name: PartName): Promise<PartStatus> {
  const { parts } = await readShopStatus(shop.home);
  const part = parts.find((each) => each.name === name);
  if (part === undefined) throw new Error(`the shop has no part ${name}: ${parts.map((each) => each.name).join(', ')}`);
  return part;
}
