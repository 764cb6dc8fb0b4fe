import type { OrderId } from '@sagamart/contracts/ids';
import { lockForWork } from '@sagamart/service-kit/aggregate';
import { inRetriedTransaction, type Transaction } from '@sagamart/service-kit/transaction';
import { Problem } from '@sagamart/service-kit/problem';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, inSpan } from '@sagamart/telemetry/spans';
import type { Deps } from './deps.ts';
import { appendMailAct, type MailAct } from './mail-act-store.ts';
import type { CorrespondenceRow, MailInput, MailRefusal, Notification } from './notification.ts';
import { correspondences, findCorrespondence } from './notification-store.ts';

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

async function actOn(tx: Transaction, wish: Wish, { clock }: Pick<Deps, 'clock'>): Promise<number> {
  const { orderId } = wish;
  const inputs = (['confirmed', 'cancelled'] as const).map((outcome) => inputOf(wish, outcome));
  const work = await lockForWork(tx, correspondences, inputs, clock);
  const acts = chosen(work.find(orderId), wish).flatMap((before) => {
    const after = work.take(inputOf(wish, before.outcome));
    if ('refused' in after && after.refused === 'already_recorded') return [];
    if (!('row' in after)) throw 'refused' in after ? refusal(after.refused) : unknown(orderId);
    const now = after.row.notifications.find(({ notification }) => notification.outcome === before.outcome);
    return [actOf(wish, before, now?.notification.email !== before.email)];
  });
  await Promise.all([work.write(), ...acts.map((act) => appendMailAct(tx, act))]);
  return acts.length;
}

function inputOf(wish: Wish, outcome: Notification['outcome']): MailInput {
  const { orderId } = wish;
  return wish.act === 'resend'
    ? { type: 'resend', orderId, outcome, to: wish.to }
    : { type: 'give_up', orderId, outcome };
}

/** The one that was named, else all of which the customer was not told. */
function chosen(row: CorrespondenceRow | null, { orderId, outcome }: Wish): Notification[] {
  const notifications = (row?.notifications ?? []).map(({ notification }) => notification);
  const named = notifications.filter((each) => outcome === null || each.outcome === outcome);
  if (named.length === 0) throw unknown(orderId);
  const untold = named.filter(({ status }) => status === 'pending' || status === 'refused');
  return untold.length > 0 ? untold : named;
}

function actOf({ act, operator, reason }: Wish, { orderId, outcome }: Notification, changesAddress: boolean): MailAct {
  return { orderId, outcome, act, changesAddress, operator, reason };
}

const refusals = {
  sent_already: 'The mail server has taken this mail: its customer was told.',
  no_address: 'This order has no address to write to.',
};

function refusal(code: Exclude<MailRefusal, 'already_recorded'>): Problem {
  return new Problem({ status: 409, code, detail: refusals[code] });
}

function unknown(orderId: OrderId): Problem {
  return new Problem({
    status: 404,
    code: 'not_found',
    detail: `There is nothing of that to tell of an order ${orderId}.`,
  });
}
