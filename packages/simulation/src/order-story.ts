import { sagaTopics, type OrderLife } from './order-life.ts';
import type { Step } from './order-steps.ts';
import type { Call } from './provider-calls.ts';
import { mug, type World } from './order-world.ts';
import { correspondenceWord, paymentWord } from './participants.ts';

export function tellBeginning({ order: { order }, stock, said }: World): string {
  const [placed] = said['order.events'];
  const card = placed?.type === 'order.placed' ? placed.data.paymentMethod : '';
  return `the order of ${order.lines[0]?.quantity} is accepted: ${card}, ${stock.get(mug)?.onHand} on hand, ${order.email ?? 'no address'}`;
}

export function tellStep(step: Step, before: World, after: World): string {
  return tellChange(wordOf(step), before, after);
}

/** What happened, what changed by it, and what was said. */
export function tellChange(what: string, before: OrderLife, after: OrderLife): string {
  return [what, ...changes(before, after), ...newlySaid(before, after)].join('; ');
}

function wordOf(step: Step): string {
  switch (step.does) {
    case 'hears':
    case 'hears again':
      return `${step.reader.by} ${step.does} ${step.event.type}`;
    case 'misses':
      return `${step.event.type} is parked at ${step.reader.by} without an inbox row, and discarded`;
    case 'asks':
      return `payment asks the provider to ${step.call.kind}`;
    case 'is reached':
      return `the ${step.call.kind} reaches the provider, which answers ${outcomeOf(step.call)}`;
    case 'answers':
      return `the answer to the ${step.call.kind} reaches payment: ${outcomeOf(step.call)}`;
    case 'is not heard':
      return step.call.reply === undefined
        ? `the ${step.call.kind} is lost on its way`
        : `the answer to the ${step.call.kind} is lost`;
    case 'mails':
      return `the mail server takes the mail of the outcome ${step.outcome}`;
    case 'notes mail':
      return `notification notes that the mail of the outcome ${step.outcome} was taken`;
    case 'refuses mail':
      return `the mail server refuses the mail of the outcome ${step.outcome} for good, and notification notes it`;
    case 'refunds by hand':
      return 'a person gives the money back at the desk of the provider';
    case 'cancels':
      return 'the customer cancels';
    case 'sweeps':
      return 'the sweeper finds the order past its deadline';
    case 'deadline passes':
    case 'cancel window passes':
    case 'deadline passes at payment':
      return `the ${step.does}`;
    default:
      return step satisfies never;
  }
}

function outcomeOf({ reply }: Call): string {
  return typeof reply === 'object' ? reply.outcome : (reply ?? 'nothing yet');
}

function changes(before: OrderLife, after: OrderLife): string[] {
  const was = states(before);
  const is = states(after);
  return is.flatMap((word, index) => (word === was[index] ? [] : [`${was[index]} → ${word}`]));
}

function states({ order, reservation, payment, correspondence }: OrderLife): string[] {
  return [
    `order ${order.order.status}`,
    `stock ${reservation.reservation.status}`,
    `payment ${paymentWord(payment.payment)}`,
    `customer ${correspondenceWord(correspondence)}`,
  ];
}

function newlySaid(before: OrderLife, after: OrderLife): string[] {
  return sagaTopics.flatMap((topic) =>
    after.said[topic].slice(before.said[topic].length).map(({ type }) => `says ${type}`),
  );
}
