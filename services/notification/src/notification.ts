import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { CancelReason, EventBody, OrderLine } from '@sagamart/contracts/events';
import type { CustomerId, EventId, OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Aggregate } from '@sagamart/service-kit/aggregate';
import { causedBy, type Cause, type Counters } from '@sagamart/service-kit/transition';

/** All that a customer is told of one order: at most one notification per outcome, in the order they were decided. */
export type Correspondence = { readonly orderId: OrderId; readonly notifications: readonly Notification[] };

/** One thing to tell. Times are ISO 8601 in UTC. */
export type Notification = Facts & Outcome & Delivery;

type Facts = {
  readonly orderId: OrderId;
  readonly customerId: CustomerId;
  readonly lines: readonly OrderLine[];
  readonly totalMinor: number;
  readonly currency: Currency;
};

type Outcome =
  | { readonly outcome: 'confirmed'; readonly confirmedAt: string }
  | {
      readonly outcome: 'cancelled';
      readonly reason: CancelReason;
      readonly cancelledAt: string;
      readonly confirmedAt: string | null;
    };

type Delivery =
  | { readonly status: 'pending'; readonly email: string }
  | { readonly status: 'sent'; readonly email: string; readonly sentAt: string }
  | { readonly status: 'refused'; readonly email: string }
  | { readonly status: 'no_address'; readonly email: null };

export type PendingNotification = Extract<Notification, { status: 'pending' }>;

export const heardByNotification = ['order.confirmed', 'order.cancelled'] as const;
export type HeardByNotification = (typeof heardByNotification)[number];

/** What there is to tell after an outcome, or that the saga never brings this outcome to this correspondence. */
export type Reaction = { readonly told: Notification } | 'unreachable';

/** An order is confirmed at most once, cancelled at most once, and nothing comes after its cancellation. */
export function react(before: Correspondence, event: EventBody<HeardByNotification>): Reaction {
  const isKnown = (outcome: Notification['outcome']): boolean =>
    before.notifications.some((each) => each.outcome === outcome);
  if (isKnown('cancelled')) return 'unreachable';
  switch (event.type) {
    case 'order.confirmed': {
      if (isKnown('confirmed')) return 'unreachable';
      const { confirmedAt } = event.data;
      return {
        told: { ...factsOf(event.data), outcome: 'confirmed', confirmedAt, ...deliveryTo(event.data.contact.email) },
      };
    }
    case 'order.cancelled': {
      const { reason, cancelledAt, confirmedAt } = event.data;
      return {
        told: {
          ...factsOf(event.data),
          outcome: 'cancelled',
          reason,
          cancelledAt,
          confirmedAt,
          ...deliveryTo(event.data.contact.email),
        },
      };
    }
    default:
      return event satisfies never;
  }
}

/** A notification that is over and done with, or was recorded as such before: then nothing follows. */
export type Ended =
  | { readonly notification: Notification; readonly says: readonly EventBody<'notification.sent'>[] }
  | 'already_recorded';

/** What follows when the mail server has taken a notification. */
export function deliver(before: Notification, sentAt: Date): Ended {
  if (before.status !== 'pending') return 'already_recorded';
  const { orderId, outcome } = before;
  return {
    notification: { ...before, status: 'sent', sentAt: sentAt.toISOString() },
    says: [{ type: 'notification.sent', data: { orderId, outcome, messageId: messageIdOf(before) } }],
  };
}

/** What follows when the mail server will never take mail for this address, or an operator says so: the customer is not told, and nobody hears that they were. */
export function giveUp(before: Notification): Ended {
  return before.status === 'pending'
    ? { notification: { ...before, status: 'refused' }, says: [] }
    : 'already_recorded';
}

/** What follows when an operator has a notification sent once more, perhaps to another address: it is due at once. */
export function resend(before: Notification, to: string | null): Notification | 'sent_already' | 'no_address' {
  if (before.status === 'sent') return 'sent_already';
  if (before.status === 'no_address') return 'no_address';
  return { ...before, status: 'pending', email: to ?? before.email };
}

/** A notification with the order event that caused it, and the order's version at that event. */
export type CausedNotification = {
  readonly notification: Notification;
  readonly cause: Cause & { readonly causationId: EventId };
  readonly orderVersion: number;
};

export type CorrespondenceRow = {
  readonly orderId: OrderId;
  readonly notifications: readonly CausedNotification[];
} & Counters;

type About = { readonly orderId: OrderId; readonly outcome: Notification['outcome'] };

/** What the mail server replied of a notification, or an operator asks for. */
export type MailInput =
  | ({ readonly type: 'taken'; readonly sentAt: Date; readonly traceparent: string | null } & About)
  | ({ readonly type: 'refused' | 'give_up' } & About)
  | ({ readonly type: 'resend'; readonly to: string | null } & About);
export type NotificationInput = ShopEvent<HeardByNotification> | MailInput;

export type MailRefusal = 'already_recorded' | 'sent_already' | 'no_address';

/** Every step of what a customer is told of an order. */
export const correspondenceAggregate: Aggregate<CorrespondenceRow, NotificationInput, MailRefusal> = {
  source: '/notification',
  decide: (before, input) => {
    if ('data' in input) {
      const { orderId } = input.data;
      const notifications = before.notifications.map(({ notification }) => notification);
      const reaction = react({ orderId, notifications }, input);
      if (reaction === 'unreachable') return { unreachable: notifications.map(({ outcome }) => outcome).join(' and ') };
      const cause = { ...causedBy(input), causationId: input.id };
      const fresh = { notification: reaction.told, cause, orderVersion: input.aggregateVersion };
      return { row: { ...before, notifications: [...before.notifications, fresh] }, emits: [], cause };
    }
    const caused = before.notifications.find(({ notification }) => notification.outcome === input.outcome);
    if (caused === undefined) return { unreachable: `not to tell of ${input.outcome}` };
    const after = afterMail(caused.notification, input);
    if (typeof after === 'string') return { refused: after };
    const cause = input.type === 'taken' ? { ...caused.cause, traceparent: input.traceparent } : caused.cause;
    const notifications = before.notifications.map((each) =>
      each === caused ? { ...caused, notification: after.notification } : each,
    );
    return { row: { ...before, notifications }, emits: after.says, cause };
  },
};

function afterMail(before: Notification, input: MailInput): Exclude<Ended, string> | MailRefusal {
  switch (input.type) {
    case 'taken':
      return deliver(before, input.sentAt);
    case 'refused':
      return giveUp(before);
    case 'give_up':
      return before.status === 'sent' ? 'sent_already' : giveUp(before);
    case 'resend': {
      const notification = resend(before, input.to);
      return typeof notification === 'string' ? notification : { notification, says: [] };
    }
    default:
      return input satisfies never;
  }
}

/** The Message-ID, without its angle brackets. The same for every attempt, so that a mail that arrives twice is seen to be one. */
export function messageIdOf({ orderId, outcome }: Pick<Notification, 'orderId' | 'outcome'>): string {
  return `${orderId}.${outcome}@sagamart.example`;
}

/** The pause after the n-th attempt that the mail server did not take: doubled each time up to a limit. */
export function pauseAfterMs(attempts: number): number {
  return Math.min(pauseFirstMs * 2 ** (attempts - 1), pauseMaxMs);
}

const pauseFirstMs = 500;
// With the time to send and to say so, an order is at rest within 15 s of the server taking mails again.
const pauseMaxMs = 10_000;

/** How long a mail may fail to be taken before a person is told. Sending goes on. */
export const takenDueMs = 60_000;

function factsOf({ orderId, customerId, lines, totalMinor, currency }: Facts): Facts {
  return { orderId, customerId, lines, totalMinor, currency };
}

function deliveryTo(email: string | null): Extract<Delivery, { status: 'pending' | 'no_address' }> {
  return email === null ? { status: 'no_address', email: null } : { status: 'pending', email };
}
