/** What holds of an order in every state that it can reach, also in mid-fault: checked at any time, whether or not it is at rest. */
export const alwaysTrueOfOrders = [
  'confirmed was captured once and held',
  'refunded <= captured <= 1',
  'refunding is of a cancelled order',
  'captured is captured at the provider',
  'voided or declined has no capture',
  'committed was confirmed',
  'released is of a cancelled order',
  'stock adds up',
] as const;

/** The words of the design's section 7. `keys` and `walls` hold at any time as well; `stuck` is an order that does not come to rest. */
export type Invariant =
  | 'terminal'
  | 'money'
  | 'stock'
  | 'told_once'
  | 'nothing_lost'
  | 'nothing_twice'
  | 'order_per_key'
  | 'cause_first'
  | 'keys'
  | 'walls'
  | 'stuck'
  | (typeof alwaysTrueOfOrders)[number];

/** Whether it may be checked of an order that is not at rest. */
export function isAlwaysTrue(invariant: Invariant): boolean {
  return invariant === 'keys' || invariant === 'walls' || alwaysTrueOfOrders.some((rule) => rule === invariant);
}
