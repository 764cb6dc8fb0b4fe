import type { Finding } from '@sagamart/auditor/books';
import type { Saboteur, SceneName } from '@sagamart/saboteurs/saboteur';
import type { Shop } from '@sagamart/stack/shop';
import type { SeededRandom } from '../long/seeded-random.ts';
import { withOwnShop } from '../own-shop.ts';
import { prepareShop } from './beforehand.ts';
import { scenes } from './scenes.ts';
import { openStage } from './stage.ts';

// Time enough for an order on a busy machine, and short enough to be waited for.
const settings = { CHECKOUT_DEADLINE: '15s' };

/** What the auditor finds in a shop without one of its protections, after the scene that needs it. */
export function runSaboteur(saboteur: Saboteur, random: SeededRandom): Promise<Finding[]> {
  return withOwnShop({ ...settings, SAGAMART_SABOTEUR: saboteur.name }, async (shop) => {
    await prepareShop(shop, saboteur);
    return play(shop, [saboteur.scene], random);
  });
}

/** What the auditor finds in a whole shop after all scenes, one after the other. */
export function runControl(random: SeededRandom): Promise<Finding[]> {
  const names = Object.keys(scenes) as SceneName[];
  return withOwnShop(settings, (shop) => play(shop, random.shuffled(names), random));
}

async function play(shop: Shop, names: readonly SceneName[], random: SeededRandom): Promise<Finding[]> {
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
