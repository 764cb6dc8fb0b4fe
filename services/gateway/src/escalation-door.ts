import { EventId, OrderId } from '@sagamart/contracts/ids';
import { Type } from 'typebox';
import { Email } from './door.ts';

/** What goes in and out of the calls on what the provider's and the mail server's answers do not end. The services answer in these shapes. */
const orNull = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) => Type.Union([schema, Type.Null()]);
const Moment = Type.String({ format: 'date-time' });
const Words = Type.String({ description: 'What the last attempt brought' });
const owedStatus = Type.Enum(['capturing', 'voiding', 'refunding'], {
  description: 'What the provider owes an answer to',
});
const MailOutcome = Type.Enum(['confirmed', 'cancelled']);
const NextCursor = orNull(Type.String());
const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 100 }));
const Reason = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$',
  examples: ['The provider says on the phone that it was given back on Monday.'],
});
const ProviderId = Type.String({ pattern: '^[\\x21-\\x7e]{1,100}$', description: 'As the provider calls it' });

const WaitingPayment = Type.Object({
  orderId: OrderId,
  status: owedStatus,
  amountMinor: Type.Integer(),
  currency: Type.String(),
  captureId: orNull(Type.String()),
  owedSince: Moment,
  attempts: Type.Integer(),
  askAt: Type.String({ format: 'date-time', description: 'When it is asked again' }),
  lastAnswer: Words,
});
const Settlement = Type.Object({
  id: Type.String(),
  orderId: OrderId,
  status: owedStatus,
  outcome: Type.Enum(['captured', 'declined', 'voided', 'refunded']),
  captureId: orNull(Type.String()),
  refundId: orNull(Type.String()),
  declineReason: orNull(Type.String()),
  operator: orNull(Type.String({ description: "Null where it was found in the provider's books" })),
  reason: Type.String(),
  settledAt: Moment,
});
export const PaymentPage = Type.Object({
  items: Type.Array(Type.Union([WaitingPayment, Settlement])),
  nextCursor: NextCursor,
});
export const PaymentsQuery = Type.Object(
  { state: Type.Optional(Type.Enum(['waiting', 'settled'])), cursor: Type.Optional(OrderId), limit },
  { additionalProperties: false },
);
export const SettleBody = Type.Object(
  {
    outcome: Type.Enum(['captured', 'declined', 'voided', 'refunded']),
    captureId: Type.Optional(ProviderId),
    refundId: Type.Optional(ProviderId),
    declineReason: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$' }),
    ),
    reason: Reason,
  },
  { additionalProperties: false },
);
export const SettledPayment = Type.Object({
  orderId: OrderId,
  status: Type.String({ examples: ['refunded'] }),
  settled: Type.Boolean({ description: 'False when it was settled that way before' }),
});

const UntoldMail = Type.Object({
  id: EventId,
  orderId: OrderId,
  outcome: MailOutcome,
  status: Type.Enum(['pending', 'refused']),
  email: Type.String(),
  attempts: Type.Integer(),
  failingSince: orNull(Moment),
  nextAttemptAt: Moment,
  lastAnswer: orNull(Words),
});
const MailAct = Type.Object({
  id: Type.String(),
  orderId: OrderId,
  outcome: MailOutcome,
  act: Type.Enum(['resend', 'give_up']),
  changesAddress: Type.Boolean(),
  operator: Type.String(),
  reason: Type.String(),
  actedAt: Moment,
});
export const MailPage = Type.Object({
  items: Type.Array(Type.Union([UntoldMail, MailAct])),
  nextCursor: NextCursor,
});
export const MailsQuery = Type.Object(
  { state: Type.Optional(Type.Enum(['waiting', 'refused', 'acts'])), cursor: Type.Optional(EventId), limit },
  { additionalProperties: false },
);
const outcome = Type.Optional(MailOutcome);
export const ResendBody = Type.Object(
  {
    outcome,
    to: Type.Optional(Email),
    reason: Reason,
  },
  { additionalProperties: false },
);
export const GiveUpBody = Type.Object({ outcome, reason: Reason }, { additionalProperties: false });
export const ActedMails = Type.Object({
  orderId: OrderId,
  changed: Type.Integer({ minimum: 0 }),
  items: Type.Array(Type.Object({ outcome: MailOutcome, status: Type.String({ examples: ['pending'] }) })),
});

export const ById = Type.Object({ orderId: OrderId });
