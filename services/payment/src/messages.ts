import type { Topic } from '@sagamart/contracts/topics';
import { participantOf, subscribe } from '@sagamart/service-kit/participant';
import type { Clock } from '@sagamart/service-kit/transition';
import { heardByPayment } from './payment.ts';
import { payments } from './payment-store.ts';

export const topics: readonly Topic[] = ['order.events', 'inventory.events'];

/** How payment takes part: it decides what is owed to or by the provider; asking the provider is the business of provider-calls.ts. */
export const createParticipant = (clock: Clock, committed: () => void) =>
  participantOf([subscribe(heardByPayment, payments)], { clock, committed });
