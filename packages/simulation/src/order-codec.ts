import { createTable } from './part-table.ts';
import type { World } from './order-world.ts';

/** A world as a string of one character a part, equal for equal worlds, and back. */
export type Codec<W> = { encode: (world: W) => string; decode: (key: string) => W };

/**
 * Lamport times and the times of events are left out of what makes two worlds equal: no decision looks at them, and with them no two stories
 * would ever meet. Their own rule is checked on every transition instead.
 */
export function createOrderCodec(): Codec<World> {
  const order = createTable<World['order']>();
  const reservation = createTable<World['reservation']>();
  const payment = createTable<World['payment']>();
  const correspondence = createTable<World['correspondence']>();
  const ledger = createTable<World['ledger']>();
  const mails = createTable<World['mailbox']>();
  const said = createTable<World['said'][keyof World['said']]>();
  const stock = createTable<World['stock']>();
  const calls = createTable<World['calls']>();
  const discarded = createTable<World['discarded']>();

  return {
    encode: (world) =>
      String.fromCharCode(
        order.idOf(world.order),
        reservation.idOf(world.reservation),
        payment.idOf(world.payment),
        correspondence.idOf(world.correspondence),
        ledger.idOf(world.ledger),
        mails.idOf(world.mailbox),
        mails.idOf(world.refusals),
        said.idOf(world.said['order.events']),
        said.idOf(world.said['inventory.events']),
        said.idOf(world.said['payment.events']),
        said.idOf(world.said['notification.events']),
        stock.idOf(world.stock),
        calls.idOf(world.calls),
        discarded.idOf(world.discarded),
        world.discards,
        world.changedAgain,
        world.orderClock,
        world.paymentIsLate ? 1 : 0,
        world.supplied,
        ...world.heard,
      ),
    decode: (key) => {
      const at = (index: number): number => key.charCodeAt(index);
      return {
        order: order.valueOf(at(0)),
        reservation: reservation.valueOf(at(1)),
        payment: payment.valueOf(at(2)),
        correspondence: correspondence.valueOf(at(3)),
        ledger: ledger.valueOf(at(4)),
        mailbox: mails.valueOf(at(5)),
        refusals: mails.valueOf(at(6)),
        said: {
          'order.events': said.valueOf(at(7)),
          'inventory.events': said.valueOf(at(8)),
          'payment.events': said.valueOf(at(9)),
          'notification.events': said.valueOf(at(10)),
        },
        stock: stock.valueOf(at(11)),
        calls: calls.valueOf(at(12)),
        discarded: discarded.valueOf(at(13)),
        discards: at(14),
        changedAgain: at(15),
        orderClock: at(16) as World['orderClock'],
        paymentIsLate: at(17) === 1,
        supplied: at(18),
        heard: Array.from({ length: key.length - fixedParts }, (_, index) => at(fixedParts + index)),
      };
    },
  };
}

const fixedParts = 19;
