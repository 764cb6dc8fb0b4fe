import type { Breach } from './invariants.ts';
import { productionRules, type Rules } from './rules.ts';

/** The rules with one of them forgotten or bent, and what then breaks first. */
export type Mutant = { readonly name: string; readonly rules: Rules; readonly breaks: Breach; readonly seenWith: Seen };

/** Most mutants show whatever the adversary may do; of some it takes more. */
type Seen = 'any adversary' | 'a discarded message' | 'two orders';

const { order, inventory, payment, notification, provider } = productionRules;

const longAgo = new Date(0);
const unmoved = { move: null, says: [] };

export const mutants: readonly Mutant[] = [
  mutant('forget the refund', 'rest: money', {
    payment: {
      ...payment,
      react: (before, event, now) =>
        event.type === 'order.cancelled' && before.status === 'captured'
          ? { payment: before, says: [] }
          : payment.react(before, event, now),
    },
  }),
  mutant('refund every capture', 'refunding is of a cancelled order', {
    payment: {
      ...payment,
      settle: (before, orderId, reply) =>
        payment.settle(before.status === 'capturing' ? { ...before, status: 'voiding' } : before, orderId, reply),
    },
  }),
  mutant('a lost answer means refunded', 'rest: money', {
    payment: {
      ...payment,
      concludeFromSilence: ({ status }) =>
        status === 'refunding' ? { outcome: 'refunded', refundId: 'no answer' } : null,
    },
  }),
  mutant('a lost answer means captured', 'captured is captured at the provider', {
    payment: {
      ...payment,
      concludeFromSilence: ({ status }) =>
        status === 'capturing' ? { outcome: 'captured', captureId: 'no answer' } : null,
    },
  }),
  mutant('the provider forgets its captures', 'the provider is never asked nonsense', {
    provider: {
      ...provider,
      refund: (request, books, fresh) => provider.refund(request, { ...books, capture: null }, fresh),
    },
  }),
  mutant('a refund that is refused is not looked up', 'the provider is never asked nonsense', {
    provider: { ...provider, findRefund: () => null },
  }),
  mutant('refund twice', 'refunded <= captured <= 1', {
    provider: {
      ...provider,
      refund: (request, books, fresh) =>
        provider.refund(request, { ...books, known: null, refundOfCapture: null }, fresh),
    },
  }),
  mutant('capture without an idempotency key', 'refunded <= captured <= 1', {
    provider: { ...provider, capture: (request, _known, fresh) => provider.capture(request, null, fresh) },
  }),
  mutant('void by guess', 'voided or declined has no capture', {
    payment: {
      ...payment,
      react: (before, event, now) =>
        event.type === 'order.cancelled' && before.status === 'capturing'
          ? payment.react({ status: 'waiting', terms: before.terms, stockReserved: true }, event, now)
          : payment.react(before, event, now),
    },
  }),
  mutant('a lost answer means declined', 'voided or declined has no capture', {
    payment: {
      ...payment,
      concludeFromSilence: ({ status }) =>
        status === 'capturing' ? { outcome: 'declined', declineReason: 'no answer' } : null,
    },
  }),
  mutant('a capture found while voiding is taken for voided', 'voided or declined has no capture', {
    payment: {
      ...payment,
      settle: (before, orderId, reply) =>
        payment.settle(before, orderId, before.status === 'voiding' ? { outcome: 'voided' } : reply),
    },
  }),
  mutant('no prohibition', 'rest: money', {
    payment: {
      ...payment,
      react: (before, event, now) =>
        event.type === 'order.cancelled' && before.status === 'waiting'
          ? { payment: before, says: [] }
          : payment.react(before, event, now),
    },
  }),
  mutant('capture after the deadline', 'no capture starts after the deadline', {
    payment: { ...payment, react: (before, event) => payment.react(before, event, longAgo) },
  }),
  mutant('capture before the stock is held', 'confirmed was captured once and held', {
    payment: {
      ...payment,
      react: (before, event, now) =>
        payment.react(before.status === 'waiting' ? { ...before, stockReserved: true } : before, event, now),
    },
  }),
  mutant('confirm after cancel', 'order per key', {
    order: {
      ...order,
      react: (before, event, now) =>
        event.type === 'payment.captured' && before.status === 'cancelled'
          ? order.react({ ...before, status: 'pending' }, event, now)
          : order.react(before, event, now),
    },
  }),
  mutant('the sweeper decides from a stale row', 'a confirmed order is cancelled by its customer only, in time', {
    order: {
      ...order,
      timeOut: (before, now) =>
        order.timeOut(before.status === 'confirmed' ? { ...before, status: 'pending' } : before, now),
    },
  }),
  mutant('no deadline', 'a good end stays reachable', {
    order: { ...order, timeOut: (before) => ({ order: before, says: [] }) },
  }),
  mutant('the cancel window never closes', 'a confirmed order is cancelled by its customer only, in time', {
    order: { ...order, cancel: (before, now) => order.cancel(before, now, Infinity) },
  }),
  mutant('release twice', 'stock adds up', {
    inventory: {
      react: (before, event, stock) => {
        const reaction = inventory.react(before, event, stock);
        if (reaction === 'unreachable' || event.type !== 'order.cancelled' || reaction.move === null) return reaction;
        const { kind, lines } = reaction.move;
        return { ...reaction, move: { kind, lines: [...lines, ...lines] } };
      },
    },
  }),
  mutant('forget the release', 'rest: stock', {
    inventory: {
      react: (before, event, stock) =>
        event.type === 'order.cancelled' && before.status === 'held'
          ? { ...unmoved, reservation: before }
          : inventory.react(before, event, stock),
    },
  }),
  mutant('commit what is only held', 'committed was confirmed', {
    inventory: {
      react: (before, event, stock) => {
        const reaction = inventory.react(before, event, stock);
        if (reaction === 'unreachable' || reaction.reservation.status !== 'held') return reaction;
        return { ...reaction, reservation: { ...reaction.reservation, status: 'committed' } };
      },
    },
  }),
  mutant('a confirmation releases', 'released is of a cancelled order', {
    inventory: {
      react: (before, event, stock) =>
        event.type === 'order.confirmed' && before.status === 'held'
          ? { ...unmoved, reservation: { ...before, status: 'released' } }
          : inventory.react(before, event, stock),
    },
  }),
  mutant(
    'nothing is ever there',
    'somebody gets the last unit',
    {
      inventory: { react: (before, event) => inventory.react(before, event, new Map()) },
    },
    'two orders',
  ),
  mutant('hold without looking', 'stock adds up', {
    inventory: {
      react: (before, event, stock) =>
        inventory.react(before, event, new Map([...stock].map(([sku, each]) => [sku, { ...each, onHand: 99 }]))),
    },
  }),
  mutant(
    'no tombstone',
    'rest: stock',
    {
      inventory: {
        react: (before, event, stock) =>
          event.type === 'order.cancelled' && before.status === 'unseen'
            ? { ...unmoved, reservation: before }
            : inventory.react(before, event, stock),
      },
    },
    'a discarded message',
  ),
  mutant('a cancellation after a confirmation is not mailed', 'rest: told once', {
    notification: {
      ...notification,
      react: (before, event) => {
        const reaction = notification.react(before, event);
        if (reaction === 'unreachable' || before.notifications.length === 0) return reaction;
        return { told: { ...reaction.told, status: 'no_address', email: null } };
      },
    },
  }),
  mutant('a mail is sent, and nothing is said of it', 'rest: nothing lost or twice', {
    notification: {
      ...notification,
      deliver: (before, sentAt) => {
        const delivered = notification.deliver(before, sentAt);
        return delivered === 'already_recorded' ? delivered : { ...delivered, says: [] };
      },
    },
  }),
  mutant('a refused mail counts as told', 'rest: told once', {
    notification: { ...notification, giveUp: (before) => notification.deliver(before, longAgo) },
  }),
  mutant('a refused mail is tried for ever', 'a good end stays reachable', {
    notification: { ...notification, giveUp: () => 'already_recorded' },
  }),
  mutant('a late refusal takes back what was told', 'rest: told once', {
    notification: {
      ...notification,
      giveUp: (before) =>
        before.email === null ? 'already_recorded' : notification.giveUp({ ...before, status: 'pending' }),
    },
  }),
  mutant('dedupe by order id', 'rest: money', { isKnown: (handled) => handled.length > 0 }),
  mutant('no inbox', 'no unreachable pair is met', { isKnown: () => false }),
  mutant('Lamport time is not raised by what was heard', 'cause first', {
    transition: (source, before, cause, says, clock) =>
      productionRules.transition(source, before, { ...cause, lamport: 0 }, says, clock),
  }),
];

/** Throws with the names there are when there is none of this name. */
export function findMutant(name: string): Mutant {
  const found = mutants.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`expected one of the mutants:\n${mutants.map((each) => `  ${each.name}`).join('\n')}`);
}

function mutant(name: string, breaks: Breach, changes: Partial<Rules>, seenWith: Seen = 'any adversary'): Mutant {
  return { name, breaks, rules: { ...productionRules, ...changes }, seenWith };
}
