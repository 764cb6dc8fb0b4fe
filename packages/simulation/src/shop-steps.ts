import type { CustomerId, OrderId } from '@sagamart/contracts/ids';
import { noStock, restock as addUnits } from '@sagamart/inventory/stock';
import { beginLife, cancelWindowMs } from './order-life.ts';
import * as participants from './participants.ts';
import { become, moveOrder, told } from './shop-changes.ts';
import { crash, discard, hear, replay } from './shop-consumers.ts';
import { ask, giveBackByHand, moveCall } from './shop-provider.ts';
import { timeAt, type Happening, type Shop, type ShopStep } from './shop.ts';

/** Lets one thing happen, and checks what it changed. */
export function act(shop: Shop, step: ShopStep): Happening {
  switch (step.does) {
    case 'place':
      return place(shop, step);
    case 'hear':
      return hear(shop, step);
    case 'discard':
      return discard(shop, step.reader);
    case 'replay':
      return replay(shop, step.reader);
    case 'crash':
      return crash(shop, step.service);
    case 'publish again': {
      const log = shop.topics[step.topic];
      log.push(...log.slice(-step.messages));
      return told(shop, `the last ${step.messages} of ${step.topic} are published again`);
    }
    case 'ask':
      return ask(shop, step.order);
    case 'reach':
    case 'answer':
    case 'lose':
      return moveCall(shop, step);
    case 'mail':
    case 'note mail':
      return mail(shop, step);
    case 'refuse mail':
      return refuseMail(shop, step.order);
    case 'refund by hand':
      return giveBackByHand(shop, step.order);
    case 'cancel':
    case 'sweep':
      return decide(shop, step);
    case 'wait':
      shop.timeMs += step.ms;
      return told(shop, `${step.ms / 1_000} s pass`);
    case 'restock':
      return restock(shop, step);
    case 'change price': {
      const product = shop.catalogue.get(step.sku);
      if (product !== undefined) shop.catalogue.set(step.sku, { ...product, priceMinor: step.priceMinor });
      return told(shop, `${step.sku} now costs ${step.priceMinor}`);
    }
    default:
      return step satisfies never;
  }
}

function place(shop: Shop, { order, lines, card, email }: ShopStep & { does: 'place' }): Happening {
  if (shop.lives.has(order)) return 'idle';
  const command = { orderId: order, customerId: 'customer' as CustomerId, email, lines, paymentMethod: card };
  const life = beginLife(command, shop.catalogue, timeAt(shop, 'order'));
  shop.lives.set(order, life);
  shop.topics['order.events'].push(...life.said['order.events']);
  const wanted = lines.map(({ sku, quantity }) => `${quantity} ${sku}`).join(' and ');
  return told(shop, `the order ${order} of ${wanted} is accepted: ${card}, ${email ?? 'no address'}`);
}

function mail(shop: Shop, { does, order: orderId }: ShopStep & { does: 'mail' | 'note mail' }): Happening {
  const life = shop.lives.get(orderId);
  const due = life?.correspondence.notifications.find(({ notification }) => notification.status === 'pending');
  if (life === undefined || due === undefined) return 'idle';
  const { outcome } = due.notification;
  const isTaken = life.mailbox.includes(outcome);
  if (does === 'mail') {
    if (life.refusals.includes(outcome)) return 'idle';
    const mailbox = isTaken ? life.mailbox : [...life.mailbox, outcome];
    return become(shop, orderId, `the mail server takes the mail that ${orderId} is ${outcome}`, { mailbox }, []);
  }
  const now = timeAt(shop, 'order');
  const taken = { type: 'taken', orderId, outcome, sentAt: now, traceparent: null } as const;
  const noted = isTaken ? participants.notificationTakes(shop.rules, life.correspondence, taken, now) : null;
  if (noted === null) return 'idle';
  const what = `notification notes that the mail that ${orderId} is ${outcome} was taken`;
  return become(shop, orderId, what, { correspondence: noted.row }, noted.events);
}

/** Of what is due, or late, by a sender that was given up, of what has already ended. */
function refuseMail(shop: Shop, orderId: OrderId): Happening {
  const life = shop.lives.get(orderId);
  const notifications = life?.correspondence.notifications ?? [];
  const due = notifications.find(({ notification }) => notification.status === 'pending');
  const outcome = (due ?? notifications.at(-1))?.notification.outcome;
  if (life === undefined || outcome === undefined) return 'idle';
  const noted = participants.notificationTakes(
    shop.rules,
    life.correspondence,
    { type: 'refused', orderId, outcome },
    timeAt(shop, 'order'),
  );
  const isNews = due !== undefined && !life.refusals.includes(outcome);
  if (noted === null && !isNews) return 'idle';
  const refusals = isNews ? [...life.refusals, outcome] : life.refusals;
  const changes = noted === null ? { refusals } : { refusals, correspondence: noted.row };
  const what = `the mail server refuses the mail that ${orderId} is ${outcome} for good`;
  return become(shop, orderId, what, changes, noted?.events ?? []);
}

function decide(shop: Shop, { does, order: orderId }: ShopStep & { does: 'cancel' | 'sweep' }): Happening {
  const row = shop.lives.get(orderId)?.order;
  if (row === undefined) return 'idle';
  const now = timeAt(shop, 'order');
  if (does === 'sweep' && now.getTime() <= Date.parse(row.order.deadline)) return 'idle';
  const about = { orderId, traceparent: null };
  const input =
    does === 'cancel'
      ? ({ type: 'cancel', ...about, cancelWindowMs } as const)
      : ({ type: 'time_out', ...about } as const);
  const outcome = participants.orderTakes(shop.rules, row, input, now);
  if (outcome === null) return 'idle';
  const what = does === 'cancel' ? `the customer cancels ${orderId}` : `the sweeper finds ${orderId} past its deadline`;
  return moveOrder(shop, orderId, what, outcome);
}

function restock(shop: Shop, { sku, quantity }: ShopStep & { does: 'restock' }): Happening {
  const added = addUnits(sku, shop.stock.get(sku) ?? noStock, quantity);
  if (added === 'stock_full') return 'idle';
  shop.stock = new Map(shop.stock).set(sku, added.after);
  shop.supplied.set(sku, (shop.supplied.get(sku) ?? 0) + quantity);
  return told(shop, `an operator adds ${quantity} ${sku}`);
}
