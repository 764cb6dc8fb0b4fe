import type { Topic } from '@sagamart/contracts/topics';
import { participantOf, subscribe } from '@sagamart/service-kit/participant';
import type { Clock } from '@sagamart/service-kit/transition';
import { heardByNotification } from './notification.ts';
import { correspondences } from './notification-store.ts';

export const topics: readonly Topic[] = ['order.events'];

/** How the notification service takes part: it notes what to tell. Sending is the delivery worker's, outside of any transaction. */
export const createParticipant = (options: { clock: Clock; committed: () => void }) =>
  participantOf([subscribe(heardByNotification, correspondences)], options);
