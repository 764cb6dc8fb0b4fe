import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { reservationAggregate } from '@sagamart/inventory/reservation';
import { correspondenceAggregate } from '@sagamart/notification/notification';
import { orderAggregate } from '@sagamart/order/order';
import { paymentAggregate, type Owed, type ProviderReply } from '@sagamart/payment/payment';
import { decideCapture } from '@sagamart/psp-simulator/capture';
import { decideRefund, decideVoid } from '@sagamart/psp-simulator/compensation';
import type { Entry, RefundEntry } from '@sagamart/psp-simulator/entry';

/** Everything that decides. A mutant is these rules with one of them wrapped. */
export type Rules = {
  readonly order: typeof orderAggregate;
  readonly inventory: typeof reservationAggregate;
  readonly payment: typeof paymentAggregate;
  readonly notification: typeof correspondenceAggregate;
  /** What is concluded when an answer of the provider was lost. Null: nothing, the provider is asked again. */
  readonly concludeFromSilence: (owed: Owed) => ProviderReply | null;
  readonly provider: {
    capture: typeof decideCapture;
    void: typeof decideVoid;
    refund: typeof decideRefund;
    /** What the books say of a capture's refund to a payment whose own was refused. */
    findRefund: (ledger: readonly Entry[], captureId: string) => RefundEntry | null;
  };
  /** The inbox: whether an event was handled before, given all of its order that this consumer handled. */
  readonly isKnown: (handled: readonly ShopEvent[], event: ShopEvent) => boolean;
};

export const productionRules: Rules = {
  order: orderAggregate,
  inventory: reservationAggregate,
  payment: paymentAggregate,
  notification: correspondenceAggregate,
  concludeFromSilence: () => null,
  provider: { capture: decideCapture, void: decideVoid, refund: decideRefund, findRefund },
  isKnown: (handled, event) => handled.some(({ id }) => id === event.id),
};

function findRefund(ledger: readonly Entry[], captureId: string): RefundEntry | null {
  return ledger.find((entry): entry is RefundEntry => entry.kind === 'refund' && entry.captureId === captureId) ?? null;
}
