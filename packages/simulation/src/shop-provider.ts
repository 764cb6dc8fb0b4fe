import type { OrderId } from '@sagamart/contracts/ids';
import { isOwed, type ProviderReply } from '@sagamart/payment/payment';
import * as participants from './participants.ts';
import { callFor, executeCall, refundByHand } from './provider-calls.ts';
import { become, broken, movePayment, told } from './shop-changes.ts';
import { timeAt, type CallUnderWay, type Happening, type Shop, type ShopStep } from './shop.ts';

/** Calls under way of one order, those included that nobody waits for. */
const callsOfOrderMax = 4;

export function ask(shop: Shop, orderId: OrderId): Happening {
  const row = shop.lives.get(orderId)?.payment;
  if (row === undefined || !isOwed(row.payment) || callsOf(shop, orderId).length >= callsOfOrderMax) return 'idle';
  const call = callFor(row.payment, row.callCauseId);
  shop.calls.push({ orderId, call, isAwaited: true });
  return told(shop, `payment asks the provider to ${call.kind} ${orderId}`);
}

export function moveCall(shop: Shop, step: ShopStep & { does: 'reach' | 'answer' | 'lose' }): Happening {
  const { order: orderId } = step;
  const under = callsOf(shop, orderId);
  const found = under[step.call % under.length];
  const life = shop.lives.get(orderId);
  if (found === undefined || life === undefined) return 'idle';
  const { call } = found;
  if (step.does === 'reach') {
    if (call.reply !== undefined) return 'idle';
    const done = executeCall(shop.rules, life.ledger, orderId, call);
    found.call = done.call;
    if (!found.isAwaited) remove(shop, found);
    const { reply = 'nothing' } = done.call;
    const what = `the ${call.kind} of ${orderId} reaches the provider: ${typeof reply === 'string' ? reply : reply.outcome}`;
    return become(shop, orderId, what, { ledger: done.ledger }, []);
  }
  if (step.does === 'lose') {
    remove(shop, found);
    const what = `the ${call.kind} of ${orderId} is lost ${call.reply === undefined ? 'on its way' : 'on its way back'}`;
    const { payment } = life.payment;
    const conclusion = found.isAwaited && isOwed(payment) ? shop.rules.concludeFromSilence(payment) : null;
    return conclusion === null ? told(shop, what) : settle(shop, found, what, conclusion);
  }
  if (call.reply === undefined || !found.isAwaited) return 'idle';
  remove(shop, found);
  const what = `the answer to the ${call.kind} of ${orderId} reaches payment`;
  if (call.reply === 'refused') return broken(shop, orderId, what, 'the provider is never asked nonsense');
  return settle(shop, found, what, call.reply);
}

/** A person gives back at the provider's desk what a cancelled order still has taken. */
export function giveBackByHand(shop: Shop, orderId: OrderId): Happening {
  const life = shop.lives.get(orderId);
  if (life?.order.order.status !== 'cancelled') return 'idle';
  const ledger = refundByHand(shop.rules, life.ledger, orderId);
  if (ledger === null) return 'idle';
  return become(
    shop,
    orderId,
    `a person gives the money of ${orderId} back at the desk of the provider`,
    { ledger },
    [],
  );
}

/** Answers under way reach nobody; requests under way may still arrive. */
export function forgetCalls(shop: Shop): void {
  for (const under of shop.calls.filter(({ call }) => call.reply !== undefined)) remove(shop, under);
  for (const under of shop.calls) under.isAwaited = false;
}

function settle(shop: Shop, { orderId, call }: CallUnderWay, what: string, reply: ProviderReply): Happening {
  const life = shop.lives.get(orderId);
  if (life === undefined) return 'idle';
  const answer = { type: 'reply', orderId, causeId: call.causeId, reply, traceparent: null } as const;
  const now = timeAt(shop, 'payment');
  return movePayment(shop, orderId, what, participants.paymentTakes(shop.rules, life.payment, answer, now));
}

function callsOf(shop: Shop, orderId: OrderId): CallUnderWay[] {
  return shop.calls.filter((under) => under.orderId === orderId);
}

function remove(shop: Shop, under: CallUnderWay): void {
  shop.calls.splice(shop.calls.indexOf(under), 1);
}
