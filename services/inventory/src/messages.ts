import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { OrderId, Sku } from '@sagamart/contracts/ids';
import type { Topic } from '@sagamart/contracts/topics';
import { UnreachablePair, type Participant } from '@sagamart/service-kit/participant';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { causedBy, transition, type Clock } from '@sagamart/service-kit/transition';
import { heardByInventory, moveStock, react, type HeardByInventory, type Move, type Stock } from './reservation.ts';
import { lockReservations, updateReservations, type StoredReservation } from './reservation-store.ts';
import { applyMovements, lockStock, stockConstraints, type Movement } from './stock-store.ts';

export const topics: readonly Topic[] = ['order.events'];

export const source = '/inventory';

type Work = {
  reservations: Map<OrderId, StoredReservation>;
  /** As locked, and as decided so far. */
  stockBefore: ReadonlyMap<Sku, Stock>;
  stock: Map<Sku, Stock>;
  movements: Movement[];
  said: ShopEvent[];
};

/** How inventory takes part: all lines of an order are held or none, until the order is decided. */
export function createParticipant(clock: Clock): Participant<Work, HeardByInventory> {
  return {
    hears: heardByInventory,
    racingConstraints: stockConstraints,

    load: async (tx, events) => {
      const orderIds = [...new Set(events.map((event) => event.data.orderId))];
      const reservations = await lockReservations(tx, orderIds);
      const skus = new Set(events.flatMap((event) => event.data.lines.map((line) => line.sku)));
      const stock = await lockStock(tx, [...skus]);
      return {
        reservations: new Map(reservations.map((stored) => [stored.orderId, stored])),
        stockBefore: stock,
        stock: new Map(stock),
        movements: [],
        said: [],
      };
    },

    react: (work, event) => {
      const { orderId, customerId } = event.data;
      const before = work.reservations.get(orderId);
      if (before === undefined) throw new RangeError(`the reservation of order ${orderId} was not locked`);
      const reaction = react(before.reservation, event, work.stock);
      if (reaction === 'unreachable') throw new UnreachablePair(before.reservation.status, event.type);
      move(work, orderId, reaction.move);
      const { lamport, version, events } = transition(source, before, causedBy(event), reaction.says, clock);
      work.reservations.set(orderId, {
        orderId,
        customerId: before.customerId ?? customerId,
        reservation: reaction.reservation,
        lamport,
        version,
      });
      work.said.push(...events);
    },

    save: async (tx, work) => {
      await Promise.all([
        applyMovements(tx, work.stockBefore, work.movements),
        updateReservations(tx, [...work.reservations.values()]),
        appendToOutbox(tx, work.said),
      ]);
    },
  };
}

function move(work: Work, orderId: OrderId, decided: Move): void {
  if (decided === null) return;
  for (const { sku, quantity } of decided.lines) {
    const stock = work.stock.get(sku);
    if (stock === undefined) throw new RangeError(`the stock of ${sku} was not locked`);
    const after = moveStock(stock, decided.kind, quantity);
    work.stock.set(sku, after);
    work.movements.push({ sku, kind: decided.kind, quantity, orderId, after });
  }
}
