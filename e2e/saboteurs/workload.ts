import type { Finding } from '@sagamart/auditor/books';
import type { Saboteur, SceneName } from '@sagamart/saboteurs/saboteur';
import { readShopStatus, type Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import type { SeededRandom } from '../long/seeded-random.ts';
import { withOwnShop } from '../own-shop.ts';
import { prepareShop } from './beforehand.ts';
import { scenes } from './scenes.ts';
import { openStage } from './stage.ts';

// Time enough for an order on a busy machine, and short enough to be waited for.
const settings = { CHECKOUT_DEADLINE: '15s' };

/** What the auditor finds in a shop without one of its protections, after the scene that needs it. */
export function runSaboteur(saboteur: Saboteur, random: SeededRandom): Promise<readonly Finding[]> {
  return withOwnShop({ ...settings, SAGAMART_SABOTEUR: saboteur.name }, async (shop) => {
    await prepareShop(shop, saboteur);
    const findings = await play(shop, [saboteur.scene], random);
    await waitUntil(`the status of ${saboteur.where} tells of ${saboteur.name}`, () => isTold(shop, saboteur));
    return findings;
  });
}

/** What the auditor finds in a whole shop after all scenes, one after the other. */
export function runControl(random: SeededRandom): Promise<readonly Finding[]> {
  const names = Object.keys(scenes) as SceneName[];
  return withOwnShop(settings, (shop) => play(shop, random.shuffled(names), random));
}

/** A shop that goes without a protection says so itself. */
async function isTold(shop: Shop, { name, where }: Saboteur): Promise<boolean> {
  const { parts } = await readShopStatus(shop.home);
  return parts.some((part) => part.name === where && part.detail?.includes(`SABOTEUR ${name}`) === true);
}

async function play(shop: Shop, names: readonly SceneName[], random: SeededRandom): Promise<readonly Finding[]> {
  const stage = await openStage(shop, random);
  try {
    for (const name of new Set<SceneName>(['business as usual', ...names])) await scenes[name](stage);
    return await stage.audit();
  } finally {
    await stage.close();
  }
}

/** The invariants of these findings, each once, by name. */
export function brokenBy(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ invariant }) => invariant))].toSorted();
}
