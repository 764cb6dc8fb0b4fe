import { EventId } from '@sagamart/contracts/ids';
import { Type, type Static } from 'typebox';

/** What goes in and out of the calls on parked messages. The services answer in these shapes; the gateway joins their lists. */
const status = Type.Enum(['parked', 'replayed', 'discarded']);
const service = Type.Enum(['order', 'inventory', 'payment', 'notification'], {
  description: 'Who could not handle it',
});
const orNull = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) => Type.Union([schema, Type.Null()]);

const Act = Type.Object({
  act: Type.Enum(['replay', 'discard']),
  operator: Type.String(),
  reason: orNull(Type.String()),
  behind: orNull(Type.String({ description: 'The message whose replay or discard let this one through' })),
  outcome: status,
  error: orNull(Type.String()),
  actedAt: Type.String({ format: 'date-time' }),
});

const message = {
  id: EventId,
  topic: Type.String({ examples: ['payment.events'] }),
  key: Type.String({ description: 'The order id, or the sku. Messages of one topic and key wait for each other' }),
  type: Type.String({ examples: ['payment.captured'] }),
  eventId: Type.String(),
  reason: Type.String({
    examples: ['invalid_data', 'unreachable', 'handler_failed', 'outside_window', 'behind_parked'],
  }),
  error: Type.String(),
  attempts: Type.Integer({ minimum: 0, description: 'How often it was tried; 0 while it only waits' }),
  parkedAt: Type.String({ format: 'date-time' }),
  status,
  waitingBehind: Type.Integer({ minimum: 0 }),
  acts: Type.Array(Act, { description: 'Who did what, when and why' }),
};

export const ListedMessage = Type.Object({ service, ...message });
export type ListedMessage = Static<typeof ListedMessage>;

/** A page as one service gives it. */
export const ServicePage = Type.Object({ items: Type.Array(ListedMessage), nextCursor: orNull(EventId) });

export const JoinedPage = Type.Object({
  items: Type.Array(ListedMessage),
  nextCursor: orNull(EventId),
  unavailable: Type.Array(service, { description: 'Services that did not answer: what they parked is not listed' }),
});

export const ShownMessage = Type.Object({
  service,
  ...message,
  partition: Type.Integer(),
  offset: Type.Integer(),
  headers: Type.Record(Type.String(), Type.String()),
  payload: orNull(Type.String()),
  payloadEncoding: Type.Optional(Type.Literal('base64', { description: 'When the payload is not UTF-8' })),
  waiting: Type.Array(Type.Object(message), { description: 'What waits behind it, in order; the first hundred' }),
});

export const SettledMessage = Type.Object({
  service,
  id: EventId,
  status,
  handledBehind: Type.Integer({ minimum: 0, description: 'How many that waited behind it were handled too' }),
  next: orNull(
    Type.Object(
      {
        id: EventId,
        type: Type.String(),
        reason: Type.String(),
        error: Type.String(),
        attempts: Type.Integer(),
        waitingBehind: Type.Integer(),
      },
      { description: 'The first of its topic and key that is still parked' },
    ),
  ),
});

export const PausedParams = Type.Object({ service });
export const ReleasedPause = Type.Object({
  service,
  released: Type.String({ description: 'The error that all of them failed with' }),
});

export const ParkedParams = Type.Object({ id: EventId });
export const ParkedQuery = Type.Object(
  {
    status: Type.Optional(status),
    cursor: Type.Optional(EventId),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  { additionalProperties: false },
);
export const DiscardReason = Type.Object(
  {
    reason: Type.String({
      minLength: 1,
      maxLength: 500,
      pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$',
      examples: ['A forgery: the provider has no such capture.'],
    }),
  },
  { additionalProperties: false },
);
