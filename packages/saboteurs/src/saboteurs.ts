import { inventorySaboteurs } from './inventory-saboteurs.ts';
import { messagingSaboteurs } from './messaging-saboteurs.ts';
import { notificationSaboteurs } from './notification-saboteurs.ts';
import { orderSaboteurs } from './order-saboteurs.ts';
import { paymentSaboteurs } from './payment-saboteurs.ts';
import type { Saboteur } from './saboteur.ts';

export const saboteurs: readonly Saboteur[] = [
  ...messagingSaboteurs,
  ...orderSaboteurs,
  ...inventorySaboteurs,
  ...paymentSaboteurs,
  ...notificationSaboteurs,
];

/** Throws with the names there are when there is none of this name. */
export function findSaboteur(name: string): Saboteur {
  const found = saboteurs.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = saboteurs.map((each) => `  ${each.name}`).join('\n');
  throw new RangeError(`There is no saboteur '${name}'. Expected one of:\n${names}`);
}
