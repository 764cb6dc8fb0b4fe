import type { Topic } from '@sagamart/contracts/topics';
import { participantOf, subscribe } from '@sagamart/service-kit/participant';
import type { Clock } from '@sagamart/service-kit/transition';
import { heardByInventory } from './reservation.ts';
import { reservations } from './reservation-store.ts';
import { stockConstraints } from './stock-store.ts';

export const topics: readonly Topic[] = ['order.events'];

/** How inventory takes part: all lines of an order are held or none, until the order is decided. */
export const createParticipant = (clock: Clock) =>
  participantOf([subscribe(heardByInventory, reservations)], { clock, racingConstraints: stockConstraints });
