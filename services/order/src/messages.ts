import type { Topic } from '@sagamart/contracts/topics';
import { participantOf, subscribe } from '@sagamart/service-kit/participant';
import type { Clock } from '@sagamart/service-kit/transition';
import { heardByOrder } from './order.ts';
import { orders } from './order-store.ts';
import { productCopies } from './product-store.ts';

export const topics: readonly Topic[] = ['inventory.events', 'payment.events', 'notification.events', 'catalog.events'];

/** How the order service takes part: it decides orders by what stock and payment say, and keeps its copy of the catalogue. */
export const createParticipant = (clock: Clock) =>
  participantOf([subscribe(heardByOrder, orders), subscribe(['product.changed'], productCopies)], { clock });
