import type { OrderId } from '@sagamart/contracts/ids';
import { inRetriedTransaction, type Tx } from '@sagamart/service-kit/database';
import { Problem } from '@sagamart/service-kit/problem';
import { transition } from '@sagamart/service-kit/transition';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, inSpan } from '@sagamart/telemetry/spans';
import type { Deps } from './deps.ts';
import { appendMailAct, type MailAct } from './mail-act-store.ts';
import { source } from './messages.ts';
import { giveUp, resend, type Notification } from './notification.ts';
import {
  findCorrespondence,
  lockCorrespondences,
  makeDue,
  updateCorrespondences,
  updateEnded,
  type StoredCorrespondence,
} from './notification-store.ts';

/** What an operator asks for: of one outcome of an order, or of each of which its customer was not told. */
export type Wish = {
  readonly orderId: OrderId;
  readonly outcome: Notification['outcome'] | null;
  readonly operator: string;
  readonly reason: string;
} & ({ readonly act: 'resend'; readonly to: string | null } | { readonly act: 'give_up' });

/** What became of the order's notifications; `changed` counts those that the wish did something about. */
export type Done = {
  readonly orderId: OrderId;
  readonly changed: number;
  readonly items: readonly Pick<Notification, 'outcome' | 'status'>[];
};

/**
 * Has a notification sent once more, perhaps to another address, or gives it up, and records who did it and why. Giving up what is given up changes
 * nothing. Throws Problem 404, and 409 `sent_already` or `no_address`.
 */
export function createMailActs(deps: Pick<Deps, 'pool' | 'clock' | 'committed'>): (wish: Wish) => Promise<Done> {
  const { pool, clock, committed } = deps;
  return async (wish) => {
    const { orderId } = wish;
    const known = await findCorrespondence(pool, orderId);
    if (known.notifications.length === 0) throw unknown(orderId);
    const options = { parent: null, links: [activeTraceparent()], attributes: { [attribute.orderId]: orderId } };
    const changed = await inSpan(spanName.actOnMail, options, () =>
      inRetriedTransaction(pool, (tx) => actOn(tx, wish, { clock })),
    );
    committed();
    const { notifications } = await findCorrespondence(pool, orderId);
    return { orderId, changed, items: notifications.map(({ outcome, status }) => ({ outcome, status })) };
  };
}

async function actOn(tx: Tx, wish: Wish, { clock }: Pick<Deps, 'clock'>): Promise<number> {
  const before = (await lockCorrespondences(tx, [wish.orderId])).get(wish.orderId);
  if (before === undefined) throw new RangeError(`the correspondence of order ${wish.orderId} was not locked`);
  let counters = { lamport: before.lamport, version: before.version };
  const changed = chosen(before, wish).flatMap((stored) => {
    const notification = after(stored.notification, wish);
    if (notification === 'nothing') return [];
    const { lamport, version } = transition(source, counters, stored.cause, [], clock);
    counters = { lamport, version };
    return [{ ...stored, notification, changesAddress: notification.email !== stored.notification.email }];
  });
  await Promise.all([
    wish.act === 'resend' ? makeDue(tx, changed) : updateEnded(tx, changed),
    updateCorrespondences(tx, [{ ...before, ...counters }]),
    ...changed.map((each) => appendMailAct(tx, actOf(wish, each.notification, each.changesAddress))),
  ]);
  return changed.length;
}

/** The one that was named, else all of which the customer was not told. */
function chosen({ notifications }: StoredCorrespondence, { orderId, outcome }: Wish) {
  const named = notifications.filter(({ notification }) => outcome === null || notification.outcome === outcome);
  if (named.length === 0) throw unknown(orderId);
  const untold = named.filter(({ notification: { status } }) => status === 'pending' || status === 'refused');
  return untold.length > 0 ? untold : named;
}

/** Throws Problem 409 where there is nothing left to do. */
function after(before: Notification, wish: Wish): Notification | 'nothing' {
  if (wish.act === 'give_up') {
    if (before.status === 'sent') throw refusal('sent_already');
    const ended = giveUp(before);
    return ended === 'already_recorded' ? 'nothing' : ended.notification;
  }
  const notification = resend(before, wish.to);
  if (notification === 'sent_already' || notification === 'no_address') throw refusal(notification);
  return notification;
}

function actOf({ act, operator, reason }: Wish, { orderId, outcome }: Notification, changesAddress: boolean): MailAct {
  return { orderId, outcome, act, changesAddress, operator, reason };
}

const refusals = {
  sent_already: 'The mail server has taken this mail: its customer was told.',
  no_address: 'This order has no address to write to.',
};

function refusal(code: keyof typeof refusals): Problem {
  return new Problem({ status: 409, code, detail: refusals[code] });
}

function unknown(orderId: OrderId): Problem {
  return new Problem({
    status: 404,
    code: 'not_found',
    detail: `There is nothing of that to tell of an order ${orderId}.`,
  });
}
