import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { eventTypes } from '@sagamart/contracts/events';
import { isOwed, type ProviderReply } from '@sagamart/payment/payment';
import type { Visit } from './exploration.ts';
import { comesAfterItsCause, readers, type Hearing, type Reader } from './order-life.ts';
import { orderTimes, paymentTimes, type Beginning, type World } from './order-world.ts';
import { rememberedDecisions, type HeardAgain, type Meet } from './order-decisions.ts';
import type { Step as Taken } from '@sagamart/service-kit/aggregate';
import type { Outcome } from './participants.ts';
import type { Call } from './provider-calls.ts';
import type { Rules } from './rules.ts';

/** How far the adversary may go. What has no bound here happens any number of times. */
export type Bounds = {
  /** Calls to the provider under way at once, those included that payment has given up on. */
  readonly callsMax: number;
  /** Messages parked without an inbox row and discarded; each may still come again. */
  readonly discardsMax: number;
  /** Messages that come again and change something: with an inbox there are none. */
  readonly changedAgainMax: number;
  /** Refunds that a person asks for at the provider's desk: 1 is all there can be. */
  readonly refundsByHandMax: 0 | 1;
  readonly beginnings: readonly Beginning[];
};

export type Step =
  | Hearing
  | { readonly does: 'asks' | 'is reached' | 'answers' | 'is not heard'; readonly call: Call }
  | { readonly does: 'mails' | 'notes mail' | 'refuses mail'; readonly outcome: string }
  | { readonly does: 'refunds by hand' }
  | { readonly does: 'cancels' | 'sweeps' | 'deadline passes' | 'cancel window passes' | 'deadline passes at payment' };

/** What each service, the provider, the customer and the clocks can do next. `meet` hears of every pair of state and event. */
export function createOrderSteps(
  rules: Rules,
  bounds: Bounds,
  meet: Meet,
): (world: World, visit: Visit<World, Step>) => void {
  const decide = rememberedDecisions(rules, meet);

  return (world, visit) => {
    for (const reader of readers) hear(world, reader, visit);
    callProvider(world, visit);
    refundByHand(world, visit);
    sendMail(world, visit);
    passTime(world, visit);
  };

  function hear(world: World, reader: Reader, visit: Visit<World, Step>): void {
    const log = world.said[reader.topic];
    const heard = world.heard[reader.index] ?? 0;
    const inbox = decide.inbox(log, heard, reader, world.discarded);
    for (const again of inbox.heard) hearAgain(world, again, visit);
    const event = log[heard];
    if (event === undefined) return;
    const moved = { ...world, heard: world.heard.with(reader.index, heard + 1) };
    if (inbox.knowsNext) visit({ does: 'hears', reader, event }, moved, null);
    else handle(moved, { does: 'hears', reader, event }, visit);
    if (world.discards < bounds.discardsMax && isDiscardable(event)) {
      const discarded = decide.withDiscarded(world.discarded, reader, event.id);
      visit({ does: 'misses', reader, event }, { ...moved, discarded, discards: world.discards + 1 }, null);
    }
  }

  /** After a crash, a rebalance or a replay. What the inbox knows leads back to the same world, so it may come any number of times. */
  function hearAgain(world: World, { step, isKnown, discarded }: HeardAgain, visit: Visit<World, Step>): void {
    if (isKnown) visit(step, world, null);
    else if (discarded !== world.discarded) handle({ ...world, discarded }, step, visit);
    else if (world.changedAgain < bounds.changedAgainMax)
      handle({ ...world, changedAgain: world.changedAgain + 1 }, step, visit);
  }

  function handle(world: World, step: Hearing, visit: Visit<World, Step>): void {
    const { event } = step;
    switch (step.reader.by) {
      case 'inventory': {
        const outcome = decide.inventory(world.reservation, event, world.stock);
        if ('unreachable' in outcome) return visit(step, world, 'no unreachable pair is met');
        return say({ ...world, reservation: outcome.row, stock: outcome.stock }, step, outcome.events, visit);
      }
      case 'payment':
        return movePayment(
          world,
          step,
          decide.payment(world.payment, event, world.paymentIsLate ? paymentTimes.late : paymentTimes.inTime),
          visit,
        );
      case 'notification': {
        const outcome = decide.notification(world.correspondence, event);
        if ('unreachable' in outcome) return visit(step, world, 'no unreachable pair is met');
        return say({ ...world, correspondence: outcome.row }, step, outcome.events, visit);
      }
      case 'order':
        return moveOrder(world, step, decide.order(world.order, event, orderTimes[world.orderClock]), visit);
      default:
        return step.reader satisfies never;
    }
  }

  function callProvider(world: World, visit: Visit<World, Step>): void {
    const { calls, payment, order } = world;
    if (isOwed(payment.payment) && calls.length < bounds.callsMax) {
      const call = decide.call(payment.payment, payment.callCauseId);
      visit({ does: 'asks', call }, { ...world, calls: decide.withCall(calls, call) }, null);
    }
    for (const call of new Set(calls)) {
      const others = decide.withoutCall(calls, call);
      if (call.reply === undefined) {
        const done = decide.provider(world.ledger, order.order.orderId, call);
        const after = { ...world, ledger: done.ledger, calls: decide.withCall(others, done.call) };
        visit({ does: 'is reached', call: done.call }, after, null);
      } else if (call.reply === 'refused') {
        visit({ does: 'answers', call }, world, 'the provider is never asked nonsense');
      } else {
        settle({ ...world, calls: others }, { does: 'answers', call }, call.reply, visit);
      }
      const step: Step = { does: 'is not heard', call };
      const conclusion = isOwed(payment.payment) ? decide.conclusion(payment.payment) : null;
      if (conclusion === null) visit(step, { ...world, calls: others }, null);
      else settle({ ...world, calls: others }, step, conclusion, visit);
    }
  }

  /** A person at the provider's desk gives back what a cancelled order still has taken, at any moment. */
  function refundByHand(world: World, visit: Visit<World, Step>): void {
    const { order } = world.order;
    if (bounds.refundsByHandMax === 0) return;
    const ledger = order.status === 'cancelled' ? decide.byHand(world.ledger, order.orderId) : null;
    if (ledger !== null) visit({ does: 'refunds by hand' }, { ...world, ledger }, null);
  }

  function settle(world: World, step: Step & { call: Call }, reply: ProviderReply, visit: Visit<World, Step>): void {
    const { orderId } = world.order.order;
    movePayment(world, step, decide.settle(world.payment, orderId, step.call.causeId, reply), visit);
  }

  /**
   * The oldest that has not ended is sent; one that was taken but not noted is sent again, by the same Message-ID. What the server took or refuses may
   * also be noted by a sender that was given up, after another has noted something else.
   */
  function sendMail(world: World, visit: Visit<World, Step>): void {
    const { correspondence, mailbox, refusals } = world;
    const due = correspondence.notifications.find(({ notification }) => notification.status === 'pending');
    for (const { notification } of correspondence.notifications) {
      const { outcome, status } = notification;
      const isDue = notification === due?.notification;
      if (status === 'no_address' || (status === 'pending' && !isDue)) continue;
      const isTaken = mailbox.includes(outcome);
      const isRefused = refusals.includes(outcome);
      if (isDue && !isTaken && !isRefused)
        visit({ does: 'mails', outcome }, { ...world, mailbox: decide.withMail(mailbox, outcome) }, null);
      if (isTaken) note(world, { does: 'notes mail', outcome }, decide.mailIsTaken(correspondence, outcome), visit);
      const refused = isDue && !isRefused ? { ...world, refusals: decide.withMail(refusals, outcome) } : world;
      note(refused, { does: 'refuses mail', outcome }, decide.mailIsRefused(correspondence, outcome), visit);
    }
  }

  function note(
    world: World,
    step: Step,
    noted: Taken<World['correspondence']> | null,
    visit: Visit<World, Step>,
  ): void {
    if (noted === null) visit(step, world, null);
    else say({ ...world, correspondence: noted.row }, step, noted.events, visit);
  }

  function passTime(world: World, visit: Visit<World, Step>): void {
    const { order, orderClock } = world;
    const now = orderTimes[orderClock];
    moveOrder(world, { does: 'cancels' }, decide.cancel(order, now), visit);
    if (orderClock > 0) moveOrder(world, { does: 'sweeps' }, decide.timeOut(order, now), visit);
    if (orderClock === 0) visit({ does: 'deadline passes' }, { ...world, orderClock: 1 }, null);
    if (orderClock === 1) visit({ does: 'cancel window passes' }, { ...world, orderClock: 2 }, null);
    if (!world.paymentIsLate) visit({ does: 'deadline passes at payment' }, { ...world, paymentIsLate: true }, null);
  }

  function moveOrder(
    world: World,
    step: Step,
    outcome: Outcome<World['order']> | null,
    visit: Visit<World, Step>,
  ): void {
    if (outcome === null) visit(step, world, null);
    else if ('unreachable' in outcome) visit(step, world, 'no unreachable pair is met');
    else say({ ...world, order: outcome.row }, step, outcome.events, visit);
  }

  function movePayment(world: World, step: Step, outcome: Outcome<World['payment']>, visit: Visit<World, Step>): void {
    if ('unreachable' in outcome) return visit(step, world, 'no unreachable pair is met');
    const starts = outcome.row.payment.status === 'capturing' && world.payment.payment.status !== 'capturing';
    const after = { ...world, payment: outcome.row };
    if (starts && world.paymentIsLate) return visit(step, after, 'no capture starts after the deadline');
    return say(after, step, outcome.events, visit);
  }

  function say(world: World, step: Step, says: readonly ShopEvent[], visit: Visit<World, Step>): void {
    const [first] = says;
    if (first === undefined) return visit(step, world, null);
    const { topic } = eventTypes[first.type];
    if (topic === 'catalog.events') throw new RangeError(`${first.type} is not of the saga`);
    const said = { ...world.said, [topic]: decide.append(world.said[topic], says) };
    return visit(
      step,
      { ...world, said },
      says.every((event) => comesAfterItsCause(world, event)) ? null : 'cause first',
    );
  }
}

/** The outcomes of an order can be replayed, never discarded (design, section 4). */
function isDiscardable({ type }: ShopEvent): boolean {
  return type !== 'order.confirmed' && type !== 'order.cancelled';
}
