import { CancelReason, OrderLine } from '@sagamart/contracts/events';
import { CustomerId, OrderId } from '@sagamart/contracts/ids';
import { Currency, Minor } from '@sagamart/contracts/money';
import { Type, type Static } from 'typebox';

/** How far a payment is, as the payment service says it. */
export const PaymentStep = Type.Enum([
  'waiting',
  'capturing',
  'captured',
  'declined',
  'voiding',
  'voided',
  'refunding',
  'refunded',
]);
export type PaymentStep = Static<typeof PaymentStep>;

/** How far the stock of an order is, as the inventory service says it. */
export const StockStep = Type.Enum(['waiting', 'held', 'rejected', 'committed', 'releasing', 'released']);
export type StockStep = Static<typeof StockStep>;

export const Outcome = Type.Enum(['confirmed', 'cancelled']);
export type Outcome = Static<typeof Outcome>;

export const NotificationStep = Type.Enum(['pending', 'sent', 'refused', 'no_address']);
export type NotificationStep = Static<typeof NotificationStep>;

/** What the order service answers about one order. `heard` is what other services have told it. */
export const OrderRecord = Type.Object({
  orderId: OrderId,
  customerId: CustomerId,
  status: Type.Enum(['pending', 'confirmed', 'cancelled']),
  reason: Type.Optional(Type.Union([CancelReason, Type.Null()])),
  lines: Type.Array(OrderLine),
  totalMinor: Minor,
  currency: Currency,
  deadline: Type.String(),
  placedAt: Type.String(),
  heard: Type.Object({
    stock: Type.Optional(Type.Union([Type.Enum(['held', 'rejected', 'committed', 'released']), Type.Null()])),
    payment: Type.Optional(Type.Union([Type.Enum(['captured', 'declined', 'voided', 'refunded']), Type.Null()])),
    notifications: Type.Optional(Type.Array(Type.Object({ outcome: Outcome }))),
  }),
});
export type OrderRecord = Static<typeof OrderRecord>;

export const OrderRecordPage = Type.Object({
  items: Type.Array(OrderRecord),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
});

export const PaymentRecord = Type.Object({ orderId: OrderId, status: PaymentStep });
export const ReservationRecord = Type.Object({ orderId: OrderId, status: StockStep });
export const NotificationRecords = Type.Object({
  items: Type.Array(
    Type.Object({
      outcome: Outcome,
      status: NotificationStep,
      sentAt: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
  ),
});
export type NotificationRecord = Static<typeof NotificationRecords>['items'][number];
