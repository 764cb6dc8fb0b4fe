import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { CustomerId, OrderId, Sku } from '@sagamart/contracts/ids';
import type { Stock } from '@sagamart/inventory/stock';
import type { Model, Visit } from './exploration.ts';
import { isStockRight, type Breach } from './invariants.ts';
import { beginLife, cancelWindowMs } from './order-life.ts';
import { createTable } from './part-table.ts';
import { inventoryHears, orderHears, orderTakes, type OrderRow, type ReservationRow } from './participants.ts';
import type { Rules } from './rules.ts';

/** Two orders and the stock they compete for. Inventory is whole; of the others there is only what they may say, whenever they may say it. */
export type World = {
  readonly rivals: readonly Rival[];
  readonly stock: ReadonlyMap<Sku, Stock>;
  readonly supplied: number;
  readonly changedAgain: number;
};

type Rival = {
  readonly order: OrderRow;
  readonly placed: ShopEvent;
  /** What was said of it: nothing yet, then placed, and then confirmed, cancelled, or both. */
  readonly said: readonly ShopEvent[];
  readonly heard: number;
  readonly reservation: ReservationRow;
  readonly answered: readonly ShopEvent['type'][];
};

export type Step = { readonly does: string; readonly rival: number };

/** Messages that come again and change something: with an inbox there are none. */
const changedAgainMax = 2;

const now = new Date('2026-01-01T00:00:00.000Z');
const skus = ['BAG', 'MUG'] as Sku[];
const [bag = '' as Sku, mug = '' as Sku] = skus;
const catalogue = new Map(
  skus.map((sku) => [sku, { sku, name: sku, priceMinor: 1000, currency: 'EUR' as const }] as const),
);

/** Both want the last mug; and both want the last mug and the last bag, named in either order. */
const beginnings: readonly World[] = [
  begin([[mug], [mug]]),
  begin([
    [mug, bag],
    [bag, mug],
  ]),
];

export function modelLastUnit(rules: Rules): Model<World, Step> {
  const worlds = createTable<World>();
  return {
    beginnings,
    encode: (world) => String.fromCharCode(worlds.idOf(world)),
    decode: (key) => worlds.valueOf(key.charCodeAt(0)),
    next: (world, visit) => {
      for (const rival of world.rivals.keys()) {
        hear(rules, world, rival, visit);
        decide(rules, world, rival, visit);
      }
      if (world.supplied === 1) restock(world, visit);
    },
    isBoundToCome: () => true,
    alwaysBreaches,
    isQuiet: ({ rivals }) =>
      rivals.every(({ order, said, heard }) => order.order.status !== 'pending' && heard === said.length),
    restBreaches: ({ rivals }) => (rivals.every(isAtRest) ? [] : ['rest: stock']),
    tell: ({ does, rival }, before, after) => [does, ...changes(before, after, rival)].join('; '),
    tellBeginning: ({ stock, rivals }) =>
      `${[...stock].map(([sku, { onHand }]) => `${onHand} ${sku}`).join(' and ')} on hand; A and B each want ${rivals[0]?.order.order.lines.length} of them`,
  };
}

function hear(rules: Rules, world: World, number: number, visit: Visit<World, Step>): void {
  const rival = rivalOf(world, number);
  const handled = rival.said.slice(0, rival.heard);
  for (const [index, event] of rival.said.slice(0, rival.heard + 1).entries()) {
    const isNext = index === rival.heard;
    const step = { does: `inventory hears ${event.type} of ${nameOf(number)}${isNext ? '' : ' again'}`, rival: number };
    const moved = isNext ? withRival(world, number, { heard: rival.heard + 1 }) : world;
    if (rules.isKnown(handled, event)) {
      visit(step, moved, null);
      continue;
    }
    if (!isNext && world.changedAgain === changedAgainMax) continue;
    const outcome = inventoryHears(rules, rival.reservation, event, world.stock, now);
    if ('unreachable' in outcome) {
      visit(step, world, 'no unreachable pair is met');
      continue;
    }
    const answered = [...rival.answered, ...outcome.events.map(({ type }) => type)];
    const after = withRival(moved, number, { reservation: outcome.row, answered });
    visit(step, { ...after, stock: outcome.stock, changedAgain: world.changedAgain + (isNext ? 0 : 1) }, null);
  }
}

/** The order is placed; confirmed, once its stock was held and so the money could be taken; cancelled, for whatever reason, at any moment. */
function decide(rules: Rules, world: World, number: number, visit: Visit<World, Step>): void {
  const { order, placed, said, answered } = rivalOf(world, number);
  const say = (does: string, row: OrderRow, says: readonly ShopEvent[]): void =>
    visit({ does, rival: number }, withRival(world, number, { order: row, said: [...said, ...says] }), null);
  if (said.length === 0) {
    say(`${nameOf(number)} is placed`, order, [placed]);
    return;
  }
  const captured = answered.includes('stock.reserved') ? orderHears(rules, order, capturedAfter(placed), now) : null;
  if (captured !== null && 'row' in captured && captured.events.length > 0)
    say(`${nameOf(number)} is confirmed`, captured.row, captured.events);
  const { orderId } = order.order;
  const cancel = { type: 'cancel', orderId, cancelWindowMs, traceparent: null } as const;
  const cancelled = orderTakes(rules, order, cancel, now);
  if (cancelled !== null && 'row' in cancelled) say(`${nameOf(number)} is cancelled`, cancelled.row, cancelled.events);
}

function restock(world: World, visit: Visit<World, Step>): void {
  const stock = new Map([...world.stock].map(([sku, units]) => [sku, { ...units, onHand: units.onHand + 1 }]));
  visit({ does: 'an operator adds one of each', rival: 0 }, { ...world, stock, supplied: 2 }, null);
}

function alwaysBreaches({ rivals, stock, supplied }: World): Breach[] {
  const breaches: Breach[] = [];
  const reservations = rivals.map(({ reservation }) => reservation.reservation);
  if (!isStockRight(stock, () => supplied, reservations)) breaches.push('stock adds up');
  if (rivals.every(({ answered }) => answered.includes('stock.rejected'))) breaches.push('somebody gets the last unit');
  for (const { order, said, reservation } of rivals) {
    const { status } = reservation.reservation;
    if (status === 'committed' && !said.some(({ type }) => type === 'order.confirmed'))
      breaches.push('committed was confirmed');
    if (status === 'released' && order.order.status !== 'cancelled') breaches.push('released is of a cancelled order');
  }
  return breaches;
}

function isAtRest({ order, reservation }: Rival): boolean {
  const { status } = reservation.reservation;
  return order.order.status === 'confirmed' ? status === 'committed' : status !== 'held' && status !== 'committed';
}

function begin(wanted: readonly (readonly Sku[])[]): World {
  const rivals = wanted.map((of, number) => {
    const command = {
      orderId: nameOf(number) as OrderId,
      customerId: 'customer' as CustomerId,
      email: null,
      lines: of.map((sku) => ({ sku, quantity: 1 })),
      paymentMethod: 'tok_visa',
    };
    const { order, reservation, said } = beginLife(command, catalogue, now);
    const [placed] = said['order.events'];
    if (placed === undefined) throw new RangeError('an accepted order was not said to be placed');
    return { order, placed, said: [], heard: 0, reservation, answered: [] };
  });
  const stock = new Map((wanted[0] ?? []).map((sku) => [sku, { onHand: 1, held: 0, committed: 0 }]));
  return { rivals, stock, supplied: 1, changedAgain: 0 };
}

function capturedAfter(placed: ShopEvent): ShopEvent {
  if (placed.type !== 'order.placed') throw new RangeError(`expected order.placed, found ${placed.type}`);
  const { orderId, totalMinor: amountMinor, currency } = placed.data;
  return { ...placed, type: 'payment.captured', data: { orderId, captureId: 'capture', amountMinor, currency } };
}

function rivalOf(world: World, number: number): Rival {
  const rival = world.rivals[number];
  if (rival === undefined) throw new RangeError(`there is no rival ${number}`);
  return rival;
}

function withRival(world: World, number: number, changed: Partial<Rival>): World {
  return { ...world, rivals: world.rivals.with(number, { ...rivalOf(world, number), ...changed }) };
}

function nameOf(number: number): string {
  return number === 0 ? 'A' : 'B';
}

function changes(before: World, after: World, number: number): string[] {
  const [was, is] = [rivalOf(before, number), rivalOf(after, number)];
  const [from, to] = [was.reservation.reservation.status, is.reservation.reservation.status];
  const answers = is.answered.slice(was.answered.length).map((type) => `says ${type}`);
  return [...(from === to ? [] : [`stock ${from} → ${to}`]), ...answers];
}
