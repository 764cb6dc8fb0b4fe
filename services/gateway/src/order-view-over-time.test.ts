import type { CustomerId, OrderId } from '@sagamart/contracts/ids';
import { array, assert as check, integer, property } from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeOrder, type OrderView, type Part } from './order-view.ts';
import type { OrderRecord, PaymentStep, StockStep } from './part-view.ts';

/** The saga of one order as its services live it: each step is one of them reacting to what stands in a topic it has not read yet. */
class Saga {
  status: OrderRecord['status'] = 'pending';
  reason: NonNullable<OrderRecord['reason']> | null = null;
  payment: PaymentStep | null = null;
  stock: StockStep | null = null;
  heard: OrderRecord['heard'] = {};
  // What was said, in order, and how far each reader of the topic is.
  readonly #isShort: boolean;
  readonly #order = ['order.placed'];
  readonly #inventory: string[] = [];
  readonly #payment: string[] = [];
  #inventoryRead = 0;
  #paymentRead = { order: 0, inventory: 0 };
  #orderRead = { inventory: 0, payment: 0 };
  #isForbidden = false;
  #isStockKnown = false;
  #hasCaptured: boolean | null = null;

  constructor({ isShortOfStock }: { isShortOfStock: boolean }) {
    this.#isShort = isShortOfStock;
  }

  /** Everything that could happen next. */
  steps(): (() => void)[] {
    const steps: (() => void)[] = [];
    const inventoryHears = this.#order[this.#inventoryRead];
    if (inventoryHears !== undefined) steps.push(() => (this.#inventoryRead++, this.#inventoryReacts(inventoryHears)));
    const paymentHears = this.#order[this.#paymentRead.order];
    if (paymentHears !== undefined) steps.push(() => (this.#paymentRead.order++, this.#paymentReacts(paymentHears)));
    const reserved = this.#inventory[this.#paymentRead.inventory];
    if (reserved !== undefined) steps.push(() => (this.#paymentRead.inventory++, this.#paymentReacts(reserved)));
    const stockSaid = this.#inventory[this.#orderRead.inventory];
    if (stockSaid !== undefined) steps.push(() => (this.#orderRead.inventory++, this.#orderReacts(stockSaid)));
    const paymentSaid = this.#payment[this.#orderRead.payment];
    if (paymentSaid !== undefined) steps.push(() => (this.#orderRead.payment++, this.#orderReacts(paymentSaid)));
    if (this.status !== 'cancelled') steps.push(() => this.#cancel('customer_cancelled'));
    if (this.status === 'pending') steps.push(() => this.#cancel('timed_out'));
    if (this.payment === 'capturing' || this.payment === 'voiding') {
      if (this.#hasCaptured === null)
        steps.push(
          () => void (this.#hasCaptured = true),
          () => void (this.#hasCaptured = false),
        );
      if (this.#hasCaptured !== null || this.payment === 'voiding') steps.push(() => this.#providerAnswers());
    }
    if (this.payment === 'refunding') steps.push(() => this.#settle('refunded'));
    return steps;
  }

  order(): OrderRecord {
    const { status, reason, heard } = this;
    return {
      orderId: '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01' as OrderId,
      customerId: '0199c0dd-10aa-7b42-9f0e-6f1d2c3b4a59' as CustomerId,
      ...{ status, reason, heard, lines: [], totalMinor: 0, currency: 'EUR' },
      deadline: '2026-11-21T10:16:30.000Z',
      placedAt: '2026-11-21T10:15:30.000Z',
    };
  }

  #inventoryReacts(event: string): void {
    const say = (stock: StockStep, type: string) => ((this.stock = stock), this.#inventory.push(type));
    if (event === 'order.placed') {
      if (this.#isShort) say('rejected', 'stock.rejected');
      else say('held', 'stock.reserved');
    }
    if (event === 'order.confirmed') say('committed', 'stock.committed');
    if (event === 'order.cancelled' && (this.stock === 'held' || this.stock === 'committed'))
      say('released', 'stock.released');
  }

  #paymentReacts(event: string): void {
    this.payment ??= 'waiting';
    if (event === 'stock.reserved') this.#isStockKnown = true;
    if (event === 'order.cancelled') {
      this.#isForbidden = true;
      if (this.payment === 'waiting') this.#settle('voided');
      else if (this.payment === 'capturing') this.payment = 'voiding';
      else if (this.payment === 'captured') this.payment = 'refunding';
    }
    if (this.payment === 'waiting' && this.#isStockKnown && this.#paymentRead.order > 0) this.payment = 'capturing';
  }

  #providerAnswers(): void {
    if (this.#hasCaptured === null) return this.#settle('voided');
    if (!this.#hasCaptured) return this.#settle('declined');
    this.#settle('captured');
    if (this.#isForbidden) this.payment = 'refunding';
  }

  #settle(step: PaymentStep): void {
    this.payment = step;
    this.#payment.push(`payment.${step}`);
  }

  #orderReacts(event: string): void {
    this.heard = { ...this.heard, ...heardAs[event] };
    if (this.status !== 'pending') return;
    if (event === 'stock.rejected') this.#cancel('out_of_stock');
    if (event === 'payment.declined') this.#cancel('payment_declined');
    if (event === 'payment.captured') {
      this.status = 'confirmed';
      this.#order.push('order.confirmed');
    }
  }

  #cancel(reason: NonNullable<OrderRecord['reason']>): void {
    [this.status, this.reason] = ['cancelled', reason];
    this.#order.push('order.cancelled');
  }
}

const heardAs: Record<string, OrderRecord['heard']> = {
  'stock.reserved': { stock: 'held' },
  'stock.rejected': { stock: 'rejected' },
  'stock.committed': { stock: 'committed' },
  'stock.released': { stock: 'released' },
  'payment.captured': { payment: 'captured' },
  'payment.declined': { payment: 'declined' },
  'payment.voided': { payment: 'voided' },
  'payment.refunded': { payment: 'refunded' },
};

const forward: Record<'status' | 'payment' | 'stock', Record<string, readonly string[]>> = {
  status: { pending: ['confirmed', 'cancelled'], confirmed: ['cancelled'], cancelled: [] },
  payment: {
    waiting: ['capturing', 'captured', 'declined', 'none', 'voiding', 'voided', 'refunding', 'refunded'],
    capturing: ['captured', 'declined', 'voiding', 'voided', 'refunding', 'refunded'],
    captured: ['refunding', 'refunded'],
    none: ['voiding', 'voided', 'refunding', 'refunded', 'declined'],
    voiding: ['voided', 'declined', 'refunding', 'refunded'],
    refunding: ['refunded'],
    ...{ declined: [], voided: [], refunded: [] },
  },
  stock: {
    waiting: ['held', 'committed', 'rejected', 'none', 'releasing', 'released'],
    held: ['committed', 'releasing', 'released'],
    committed: ['releasing', 'released'],
    none: ['releasing', 'released', 'rejected'],
    releasing: ['released'],
    ...{ rejected: [], released: [] },
  },
};

const choices = array(integer({ min: 0, max: 1_000 }), { minLength: 10, maxLength: 60 });

test('whatever happens to an order and whenever it is read, its answers are possible and none takes back an earlier one', () => {
  const ends = new Set<string>();
  check(
    property(integer({ min: 0, max: 3 }), choices, (scarcity, picks) => {
      const saga = new Saga({ isShortOfStock: scarcity === 0 });
      let before = read(saga, []);
      const picked = [...picks];
      const step = (): void => {
        const steps = saga.steps();
        steps[(picked.shift() ?? 0) % steps.length]?.();
      };
      while (picked.length > 0) {
        const view = read(
          saga,
          [picked.shift() ?? 0, picked.shift() ?? 0, picked.shift() ?? 0].map((n) => n % 4),
          step,
        );
        for (const what of ['status', 'payment', 'stock'] as const) {
          const [was, is] = [wordOf(before, what), wordOf(view, what)];
          assert.ok(was === is || forward[what][was]?.includes(is), `${what} went from ${was} to ${is}`);
        }
        const [paid, held] = [view.payment.status, view.stock.status];
        if (['capturing', 'captured', 'refunding', 'refunded'].includes(paid))
          assert.ok(!['waiting', 'none', 'rejected'].includes(held), `payment is ${paid} while stock is ${held}`);
        before = view;
      }
      ends.add(`${before.status} ${before.payment.status} ${before.stock.status}`);
    }),
    { numRuns: 20_000 },
  );
  for (const end of [
    'confirmed captured committed',
    'cancelled refunded released',
    'cancelled voided released',
    'cancelled voided rejected',
    'cancelled declined released',
  ])
    assert.ok(ends.has(end), `the saga never came to: ${end}; it came to ${[...ends].join(', ')}`);
});

/** Reads as the door does: the parts in any order, the order last, with so many steps of the saga before each. */
function read(saga: Saga, pauses: readonly number[], step: () => void = () => undefined): OrderView {
  const wait = (count = 0): void => {
    for (let done = 0; done < count; done += 1) step();
  };
  const [first, second, third] = pauses;
  const isStockFirst = (first ?? 0) % 2 === 0;
  wait(first);
  const early = [saga.payment, saga.stock] as const;
  wait(second);
  const payment = part(isStockFirst ? saga.payment : early[0]);
  const stock = part(isStockFirst ? early[1] : saga.stock);
  wait(third);
  return composeOrder(saga.order(), { payment, stock, notifications: { kind: 'absent' } });
}

function part<T>(value: T | null): Part<T> {
  return value === null ? { kind: 'absent' } : { kind: 'known', value };
}

function wordOf(view: OrderView, what: 'status' | 'payment' | 'stock'): string {
  return what === 'status' ? view.status : view[what].status;
}
