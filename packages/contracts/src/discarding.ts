/**
 * Whether a parked event of this type may be discarded (design, section 4). `never`: it is the saga's outcome, and without it money or stock stays where
 * it is. `superseded`: once a later event of its type waits behind it, which carries all that it said. `allowed`: the order times out and balances.
 */
export type DiscardRule = 'never' | 'superseded' | 'allowed';

/** The rule for a type as its header gives it; a foreign type is `allowed`. */
export function discardRuleOf(type: string): DiscardRule {
  switch (type) {
    case 'order.confirmed':
    case 'order.cancelled':
      return 'never';
    case 'product.changed':
      return 'superseded';
    default:
      return 'allowed';
  }
}
