import type { OrderId } from '@sagamart/contracts/ids';
import type { Topic } from '@sagamart/contracts/topics';
import { UnreachablePair, type Participant } from '@sagamart/service-kit/participant';
import { causedBy, transition, type Clock } from '@sagamart/service-kit/transition';
import { heardByNotification, react, type HeardByNotification } from './notification.ts';
import {
  insertNotifications,
  lockCorrespondences,
  updateCorrespondences,
  type StoredCorrespondence,
  type StoredNotification,
} from './notification-store.ts';

export const topics: readonly Topic[] = ['order.events'];

export const source = '/notification';

type Work = { correspondences: Map<OrderId, StoredCorrespondence>; told: StoredNotification[] };

/** How the notification service takes part: it notes what to tell. Sending is the delivery worker's, outside of any transaction. */
export function createParticipant(options: {
  clock: Clock;
  committed: () => void;
}): Participant<Work, HeardByNotification> {
  return {
    hears: heardByNotification,

    load: async (tx, events) => {
      const orderIds = new Set(events.map((event) => event.data.orderId));
      return { correspondences: await lockCorrespondences(tx, [...orderIds]), told: [] };
    },

    react: (work, event) => {
      const { orderId } = event.data;
      const before = work.correspondences.get(orderId);
      if (before === undefined) throw new RangeError(`the correspondence of order ${orderId} was not locked`);
      const known = before.notifications.map(({ notification }) => notification);
      const reaction = react({ orderId, notifications: known }, event);
      if (reaction === 'unreachable') {
        throw new UnreachablePair(known.map(({ outcome }) => outcome).join(' and '), event.type);
      }
      const cause = { ...causedBy(event), causationId: event.id };
      const { lamport, version } = transition(source, before, cause, [], options.clock);
      const told = { notification: reaction.told, cause, orderVersion: event.aggregateVersion };
      work.correspondences.set(orderId, {
        ...before,
        notifications: [...before.notifications, told],
        lamport,
        version,
      });
      work.told.push(told);
    },

    save: async (tx, work) => {
      await insertNotifications(tx, work.told);
      await updateCorrespondences(tx, [...work.correspondences.values()]);
    },

    committed: options.committed,
  };
}
