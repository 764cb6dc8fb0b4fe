import { moveStock, noStock } from '@sagamart/inventory/stock';
import type { Payment, PaymentRow } from '@sagamart/payment/payment';
import type { Aggregate, Decision } from '@sagamart/service-kit/aggregate';
import type { Counters } from '@sagamart/service-kit/transition';
import type { Breach } from './invariants.ts';
import { productionRules, type Rules } from './rules.ts';

/** The rules with one of them forgotten or bent, and what then breaks first. */
export type Mutant = { readonly name: string; readonly rules: Rules; readonly breaks: Breach; readonly seenWith: Seen };

/** Most mutants show whatever the adversary may do; of some it takes more. */
type Seen = 'any adversary' | 'a discarded message' | 'two orders';

const { order, inventory, payment, notification, provider } = productionRules;

const longAgo = new Date(0);

export const mutants: readonly Mutant[] = [
  mutant('forget the refund', 'rest: money', {
    payment: forgetting(
      payment,
      ({ payment: { status } }, { type }) => type === 'order.cancelled' && status === 'captured',
    ),
  }),
  mutant('refund every capture', 'refunding is of a cancelled order', {
    payment: takenFor(payment, (before, input) =>
      input.type === 'reply' && before.payment.status === 'capturing'
        ? [withPayment(before, { ...before.payment, status: 'voiding' }), input]
        : [before, input],
    ),
  }),
  mutant('a lost answer means refunded', 'rest: money', {
    concludeFromSilence: ({ status }) =>
      status === 'refunding' ? { outcome: 'refunded', refundId: 'no answer' } : null,
  }),
  mutant('a lost answer means captured', 'captured is captured at the provider', {
    concludeFromSilence: ({ status }) =>
      status === 'capturing' ? { outcome: 'captured', captureId: 'no answer' } : null,
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
    payment: takenFor(payment, (before, input) =>
      input.type === 'order.cancelled' && before.payment.status === 'capturing'
        ? [withPayment(before, { status: 'waiting', terms: before.payment.terms, stockReserved: true }), input]
        : [before, input],
    ),
  }),
  mutant('a lost answer means declined', 'voided or declined has no capture', {
    concludeFromSilence: ({ status }) =>
      status === 'capturing' ? { outcome: 'declined', declineReason: 'no answer' } : null,
  }),
  mutant('a capture found while voiding is taken for voided', 'voided or declined has no capture', {
    payment: takenFor(payment, (before, input) =>
      input.type === 'reply' && before.payment.status === 'voiding'
        ? [before, { ...input, reply: { outcome: 'voided' } }]
        : [before, input],
    ),
  }),
  mutant('no prohibition', 'rest: money', {
    payment: forgetting(
      payment,
      ({ payment: { status } }, { type }) => type === 'order.cancelled' && status === 'waiting',
    ),
  }),
  mutant('capture after the deadline', 'no capture starts after the deadline', {
    payment: { ...payment, decide: (before, input) => payment.decide(before, input, longAgo) },
  }),
  mutant('capture before the stock is held', 'confirmed was captured once and held', {
    payment: takenFor(payment, (before, input) =>
      input.type !== 'reply' && before.payment.status === 'waiting'
        ? [withPayment(before, { ...before.payment, stockReserved: true }), input]
        : [before, input],
    ),
  }),
  mutant('confirm after cancel', 'order per key', {
    order: takenFor(order, (before, input) =>
      input.type === 'payment.captured' && before.order.status === 'cancelled'
        ? [{ ...before, order: { ...before.order, status: 'pending' } }, input]
        : [before, input],
    ),
  }),
  mutant('the sweeper decides from a stale row', 'a confirmed order is cancelled by its customer only, in time', {
    order: takenFor(order, (before, input) =>
      input.type === 'time_out' && before.order.status === 'confirmed'
        ? [{ ...before, order: { ...before.order, status: 'pending' } }, input]
        : [before, input],
    ),
  }),
  mutant('no deadline', 'a good end stays reachable', {
    order: forgetting(order, (_, { type }) => type === 'time_out'),
  }),
  mutant('the cancel window never closes', 'a confirmed order is cancelled by its customer only, in time', {
    order: takenFor(order, (before, input) => [
      before,
      input.type === 'cancel' ? { ...input, cancelWindowMs: Infinity } : input,
    ]),
  }),
  mutant('release twice', 'stock adds up', {
    inventory: changing(inventory, (_before, { type }, row) => {
      if (type !== 'order.cancelled') return row;
      const stock = new Map(row.stock);
      for (const { sku, kind, quantity } of row.moved)
        stock.set(sku, moveStock(stock.get(sku) ?? noStock, kind, quantity));
      return { ...row, stock };
    }),
  }),
  mutant('forget the release', 'rest: stock', {
    inventory: forgetting(
      inventory,
      ({ reservation: { status } }, { type }) => type === 'order.cancelled' && status === 'held',
    ),
  }),
  mutant('commit what is only held', 'committed was confirmed', {
    inventory: changing(inventory, (_before, _event, row) =>
      row.reservation.status === 'held' ? { ...row, reservation: { ...row.reservation, status: 'committed' } } : row,
    ),
  }),
  mutant('a confirmation releases', 'released is of a cancelled order', {
    inventory: {
      ...inventory,
      decide: (before, event, now) =>
        event.type === 'order.confirmed' && before.reservation.status === 'held'
          ? forgotten({ ...before, reservation: { ...before.reservation, status: 'released' } })
          : inventory.decide(before, event, now),
    },
  }),
  mutant(
    'nothing is ever there',
    'somebody gets the last unit',
    { inventory: takenFor(inventory, (before, event) => [{ ...before, stock: new Map() }, event]) },
    'two orders',
  ),
  mutant('hold without looking', 'stock adds up', {
    inventory: {
      ...inventory,
      decide: (before, event, now) => {
        const plenty = new Map([...before.stock].map(([sku, each]) => [sku, { ...each, onHand: 99 }]));
        const decided = inventory.decide({ ...before, stock: plenty }, event, now);
        if (!('row' in decided)) return decided;
        const stock = new Map(before.stock);
        for (const { sku, kind, quantity } of decided.row.moved)
          stock.set(sku, moveStock(stock.get(sku) ?? noStock, kind, quantity));
        return { ...decided, row: { ...decided.row, stock } };
      },
    },
  }),
  mutant(
    'no tombstone',
    'rest: stock',
    {
      inventory: forgetting(
        inventory,
        ({ reservation: { status } }, { type }) => type === 'order.cancelled' && status === 'unseen',
      ),
    },
    'a discarded message',
  ),
  mutant('a cancellation after a confirmation is not mailed', 'rest: told once', {
    notification: changing(notification, (before, input, row) => {
      if (!('data' in input) || before.notifications.length === 0) return row;
      const notifications = row.notifications.map((each, index) =>
        index === before.notifications.length
          ? { ...each, notification: { ...each.notification, status: 'no_address' as const, email: null } }
          : each,
      );
      return { ...row, notifications };
    }),
  }),
  mutant('a mail is sent, and nothing is said of it', 'rest: nothing lost or twice', {
    notification: {
      ...notification,
      decide: (before, input, now) => {
        const decided = notification.decide(before, input, now);
        return 'row' in decided && input.type === 'taken' ? { ...decided, emits: [] } : decided;
      },
    },
  }),
  mutant('a refused mail counts as told', 'rest: told once', {
    notification: takenFor(notification, (before, input) => [
      before,
      input.type === 'refused' ? { ...input, type: 'taken', sentAt: longAgo, traceparent: null } : input,
    ]),
  }),
  mutant('a refused mail is tried for ever', 'a good end stays reachable', {
    notification: {
      ...notification,
      decide: (before, input, now) =>
        input.type === 'refused' ? { refused: 'already_recorded' } : notification.decide(before, input, now),
    },
  }),
  mutant('a late refusal takes back what was told', 'rest: told once', {
    notification: takenFor(notification, (before, input) => {
      if (input.type !== 'refused') return [before, input];
      const notifications = before.notifications.map((each) => {
        const { notification: told } = each;
        return told.email === null || told.outcome !== input.outcome
          ? each
          : { ...each, notification: { ...told, email: told.email, status: 'pending' as const } };
      });
      return [{ ...before, notifications }, input];
    }),
  }),
  mutant('dedupe by order id', 'rest: money', { isKnown: (handled) => handled.length > 0 }),
  mutant('no inbox', 'no unreachable pair is met', { isKnown: () => false }),
  mutant('Lamport time is not raised by what was heard', 'cause first', {
    order: unraised(order),
    inventory: unraised(inventory),
    payment: unraised(payment),
    notification: unraised(notification),
  }),
];

/** An aggregate that does nothing where `when` says so. */
function forgetting<Row extends Counters, Input, Refusal extends string>(
  aggregate: Aggregate<Row, Input, Refusal>,
  when: (before: Row, input: Input) => boolean,
): Aggregate<Row, Input, Refusal> {
  return {
    ...aggregate,
    decide: (before, input, now) => (when(before, input) ? forgotten(before) : aggregate.decide(before, input, now)),
  };
}

/** An aggregate that takes a row or an input for another. */
function takenFor<Row extends Counters, Input, Refusal extends string>(
  aggregate: Aggregate<Row, Input, Refusal>,
  other: (before: Row, input: Input) => readonly [Row, Input],
): Aggregate<Row, Input, Refusal> {
  return { ...aggregate, decide: (before, input, now) => aggregate.decide(...other(before, input), now) };
}

/** An aggregate that leaves another row. */
function changing<Row extends Counters, Input, Refusal extends string>(
  aggregate: Aggregate<Row, Input, Refusal>,
  other: (before: Row, input: Input, row: Row) => Row,
): Aggregate<Row, Input, Refusal> {
  return {
    ...aggregate,
    decide: (before, input, now) => {
      const decided = aggregate.decide(before, input, now);
      return 'row' in decided ? { ...decided, row: other(before, input, decided.row) } : decided;
    },
  };
}

function unraised<Row extends Counters, Input, Refusal extends string>(
  aggregate: Aggregate<Row, Input, Refusal>,
): Aggregate<Row, Input, Refusal> {
  return {
    ...aggregate,
    decide: (before, input, now) => {
      const decided = aggregate.decide(before, input, now);
      return 'row' in decided ? { ...decided, cause: { ...decided.cause, lamport: 0 } } : decided;
    },
  };
}

function forgotten<Row>(row: Row): Decision<Row> {
  return { row, emits: [], cause: { causationId: null, lamport: 0, correlationId: '', traceparent: null } };
}

function withPayment(row: PaymentRow, changed: Payment): PaymentRow {
  return { ...row, payment: changed };
}

/** Throws with the names there are when there is none of this name. */
export function findMutant(name: string): Mutant {
  const found = mutants.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`expected one of the mutants:\n${mutants.map((each) => `  ${each.name}`).join('\n')}`);
}

function mutant(name: string, breaks: Breach, changes: Partial<Rules>, seenWith: Seen = 'any adversary'): Mutant {
  return { name, breaks, rules: { ...productionRules, ...changes }, seenWith };
}
