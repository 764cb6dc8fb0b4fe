import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { OrderId } from '@sagamart/contracts/ids';
import type { Topic } from '@sagamart/contracts/topics';
import type { Participant } from '@sagamart/service-kit/participant';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import { causedBy, transition, type Clock } from '@sagamart/service-kit/transition';
import { withinTrace } from '@sagamart/telemetry/trace-context';
import { heardByPayment, isOwed, react, type HeardByPayment } from './payment.ts';
import { lockPayments, updatePayments, type StoredPayment } from './payment-store.ts';

export const topics: readonly Topic[] = ['order.events', 'inventory.events'];

export const source = '/payment';

type Work = { payments: Map<OrderId, StoredPayment>; said: ShopEvent[] };

/** How payment takes part: it decides what is owed to or by the provider; asking the provider is the business of provider-calls.ts. */
export function createParticipant(clock: Clock, committed: () => void): Participant<Work, HeardByPayment> {
  return {
    hears: heardByPayment,
    committed,

    load: async (tx, events) => {
      const orderIds = [...new Set(events.map((event) => event.data.orderId))];
      const payments = await lockPayments(tx, orderIds);
      return { payments: new Map(payments.map((stored) => [stored.orderId, stored])), said: [] };
    },

    react: (work, event) => {
      const { orderId } = event.data;
      const before = work.payments.get(orderId);
      if (before === undefined) throw new RangeError(`the payment of order ${orderId} was not locked`);
      const { payment, says } = react(before.payment, event, clock.now());
      const { lamport, version, events } = transition(source, before, causedBy(event), says, clock);
      const startsCall = isOwed(payment) && payment.status !== before.payment.status;
      work.payments.set(orderId, {
        orderId,
        customerId: 'customerId' in event.data ? event.data.customerId : before.customerId,
        payment,
        callCauseId: startsCall ? event.id : before.callCauseId,
        traceparent: startsCall
          ? withinTrace(before.traceparent, event.traceparent)
          : (before.traceparent ?? event.traceparent),
        lamport,
        version,
      });
      work.said.push(...events);
    },

    save: async (tx, work) => {
      await Promise.all([updatePayments(tx, [...work.payments.values()]), appendToOutbox(tx, work.said)]);
    },
  };
}
