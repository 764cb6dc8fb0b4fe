import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import { react as reactAsInventory } from '@sagamart/inventory/reservation';
import { deliver, giveUp, react as reactAsNotification } from '@sagamart/notification/notification';
import { cancel, react as reactAsOrder, timeOut } from '@sagamart/order/order';
import { react as reactAsPayment, settle, type Owed, type ProviderReply } from '@sagamart/payment/payment';
import { decideCapture } from '@sagamart/psp-simulator/capture';
import { decideRefund, decideVoid } from '@sagamart/psp-simulator/compensation';
import type { Entry, RefundEntry } from '@sagamart/psp-simulator/entry';
import { transition } from '@sagamart/service-kit/transition';

/** Everything that decides. A mutant is these rules with one of them wrapped. */
export type Rules = {
  readonly order: { react: typeof reactAsOrder; cancel: typeof cancel; timeOut: typeof timeOut };
  readonly inventory: { react: typeof reactAsInventory };
  readonly payment: {
    react: typeof reactAsPayment;
    settle: typeof settle;
    /** What is concluded when an answer was lost. Null: nothing, the provider is asked again. */
    concludeFromSilence: (owed: Owed) => ProviderReply | null;
  };
  readonly notification: { react: typeof reactAsNotification; deliver: typeof deliver; giveUp: typeof giveUp };
  readonly provider: {
    capture: typeof decideCapture;
    void: typeof decideVoid;
    refund: typeof decideRefund;
    /** What the books say of a capture's refund to a payment whose own was refused. */
    findRefund: (ledger: readonly Entry[], captureId: string) => RefundEntry | null;
  };
  readonly transition: typeof transition;
  /** The inbox: whether an event was handled before, given all of its order that this consumer handled. */
  readonly isKnown: (handled: readonly ShopEvent[], event: ShopEvent) => boolean;
};

export const productionRules: Rules = {
  order: { react: reactAsOrder, cancel, timeOut },
  inventory: { react: reactAsInventory },
  payment: { react: reactAsPayment, settle, concludeFromSilence: () => null },
  notification: { react: reactAsNotification, deliver, giveUp },
  provider: { capture: decideCapture, void: decideVoid, refund: decideRefund, findRefund },
  transition,
  isKnown: (handled, event) => handled.some(({ id }) => id === event.id),
};

function findRefund(ledger: readonly Entry[], captureId: string): RefundEntry | null {
  return ledger.find((entry): entry is RefundEntry => entry.kind === 'refund' && entry.captureId === captureId) ?? null;
}
