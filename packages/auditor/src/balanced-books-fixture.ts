import { newId } from '@sagamart/contracts/ids';
import type { EventType } from '@sagamart/contracts/events';
import { eventTypes } from '@sagamart/contracts/events';
import { topicOwners, type ServiceName } from '@sagamart/contracts/topics';
import type { Books, LedgerEntry, OutboxRow, PaymentRow, TopicRecord } from './books.ts';
import { subscriptions } from './saga-map.ts';

/** Books one may write into, to see what the comparison makes of it. */
export type DraftBooks = { -readonly [K in keyof Books]: Draft<Books[K]> };
type Draft<T> = T extends readonly (infer Item)[]
  ? Draft<Item>[]
  : T extends object
    ? { -readonly [K in keyof T]: Draft<T[K]> }
    : T;

export const confirmedId: string = newId();
export const cancelledId: string = newId();
/** Confirmed, then cancelled by its customer. */
export const refundedId: string = newId();
/** Timed out while the provider was asked. */
export const voidedId: string = newId();
export const sku = 'MUG-STONE-BLUE';

/** The books of a small shop at rest: one order confirmed, one declined, one refunded, one voided. Everything in them agrees. */
export function balancedBooks(): DraftBooks {
  const outboxes: Record<ServiceName, OutboxRow[]> = { order: [], inventory: [], payment: [], notification: [] };
  const say = (type: EventType, key: string, version: number, cause: OutboxRow | null): OutboxRow => {
    const { topic } = eventTypes[type];
    const service = topicOwners[topic];
    const row = {
      id: newId(),
      topic,
      key,
      type,
      source: `/${service}`,
      version,
      lamport: (cause?.lamport ?? 0) + 1,
      causationId: cause?.id ?? null,
      digest: `digest of ${type}`,
      writtenAtMs: 1_000,
    };
    outboxes[service].push(row);
    return row;
  };

  say('product.changed', sku, 1, null);
  const placed = say('order.placed', confirmedId, 1, null);
  const reserved = say('stock.reserved', confirmedId, 1, placed);
  const captured = say('payment.captured', confirmedId, 1, reserved);
  const confirmed = say('order.confirmed', confirmedId, 2, captured);
  say('stock.committed', confirmedId, 2, confirmed);
  say('notification.sent', confirmedId, 1, confirmed);

  const placedToo = say('order.placed', cancelledId, 1, null);
  const reservedToo = say('stock.reserved', cancelledId, 1, placedToo);
  const declined = say('payment.declined', cancelledId, 1, reservedToo);
  const cancelled = say('order.cancelled', cancelledId, 2, declined);
  say('stock.released', cancelledId, 2, cancelled);

  const placedThird = say('order.placed', refundedId, 1, null);
  const reservedThird = say('stock.reserved', refundedId, 1, placedThird);
  const capturedThird = say('payment.captured', refundedId, 1, reservedThird);
  const confirmedThird = say('order.confirmed', refundedId, 2, capturedThird);
  const committedThird = say('stock.committed', refundedId, 2, confirmedThird);
  const cancelledThird = say('order.cancelled', refundedId, 3, committedThird);
  say('stock.released', refundedId, 3, cancelledThird);
  say('payment.refunded', refundedId, 2, cancelledThird);

  const placedFourth = say('order.placed', voidedId, 1, null);
  say('stock.reserved', voidedId, 1, placedFourth);
  const cancelledFourth = say('order.cancelled', voidedId, 2, placedFourth);
  say('stock.released', voidedId, 2, cancelledFourth);
  say('payment.voided', voidedId, 1, cancelledFourth);

  const records: TopicRecord[] = Object.values(outboxes).flatMap((rows) =>
    rows.map((row, offset) => ({ ...row, partition: 0, offset, timestampMs: 1_000 })),
  );
  const messagesOf = (service: ServiceName) => ({
    outbox: outboxes[service],
    inbox: records
      .filter(({ topic }) => (subscriptions[service] as readonly string[]).includes(topic))
      .map(({ id, topic, key }) => ({ id, topic, key, receivedAtMs: 1_000 })),
    parked: [],
    outboxHoldsFromMs: 0,
    inboxHoldsFromMs: 0,
  });
  const line = { sku, quantity: 2 };

  return {
    orders: [
      {
        orderId: confirmedId,
        customerId: newId(),
        status: 'confirmed',
        wasConfirmed: true,
        deadlineAtMs: 1_000,
        totalMinor: 2_400,
        currency: 'EUR',
        lines: [line],
        hasAddress: true,
      },
      {
        orderId: cancelledId,
        customerId: newId(),
        status: 'cancelled',
        wasConfirmed: false,
        deadlineAtMs: 1_000,
        totalMinor: 1_200,
        currency: 'EUR',
        lines: [{ sku, quantity: 1 }],
        hasAddress: false,
      },
      ...[refundedId, voidedId].map((orderId) => ({
        orderId,
        customerId: newId(),
        status: 'cancelled',
        wasConfirmed: orderId === refundedId,
        deadlineAtMs: 1_000,
        totalMinor: 1_200,
        currency: 'EUR',
        lines: [{ sku, quantity: 1 }],
        hasAddress: false,
      })),
    ],
    orderKeys: [
      { owner: 'one', key: 'a', orderId: confirmedId },
      { owner: 'two', key: 'a', orderId: cancelledId },
      { owner: 'two', key: 'b', orderId: refundedId },
      { owner: 'two', key: 'c', orderId: voidedId },
    ],
    stock: [{ sku, onHand: 8, held: 0, committed: 2 }],
    movements: [
      { movementId: 1, sku, kind: 'initial', quantity: 10, orderId: null, onHand: 10, held: 0, committed: 0 },
      { movementId: 2, sku, kind: 'hold', quantity: 2, orderId: confirmedId, onHand: 8, held: 2, committed: 0 },
      { movementId: 3, sku, kind: 'hold', quantity: 1, orderId: cancelledId, onHand: 7, held: 3, committed: 0 },
      { movementId: 4, sku, kind: 'commit', quantity: 2, orderId: confirmedId, onHand: 7, held: 1, committed: 2 },
      { movementId: 5, sku, kind: 'release', quantity: 1, orderId: cancelledId, onHand: 8, held: 0, committed: 2 },
      { movementId: 6, sku, kind: 'hold', quantity: 1, orderId: refundedId, onHand: 7, held: 1, committed: 2 },
      { movementId: 7, sku, kind: 'commit', quantity: 1, orderId: refundedId, onHand: 7, held: 0, committed: 3 },
      { movementId: 8, sku, kind: 'return', quantity: 1, orderId: refundedId, onHand: 8, held: 0, committed: 2 },
      { movementId: 9, sku, kind: 'hold', quantity: 1, orderId: voidedId, onHand: 7, held: 1, committed: 2 },
      { movementId: 10, sku, kind: 'release', quantity: 1, orderId: voidedId, onHand: 8, held: 0, committed: 2 },
    ],
    reservations: [
      { orderId: confirmedId, status: 'committed', lines: [line] },
      { orderId: cancelledId, status: 'released', lines: [{ sku, quantity: 1 }] },
      { orderId: refundedId, status: 'released', lines: [{ sku, quantity: 1 }] },
      { orderId: voidedId, status: 'released', lines: [{ sku, quantity: 1 }] },
    ],
    payments: [
      { ...payment(confirmedId, 'captured'), amountMinor: 2_400, captureId: 'cap_1' },
      payment(cancelledId, 'declined'),
      { ...payment(refundedId, 'refunded'), captureId: 'cap_3', refundId: 'ref_4' },
      payment(voidedId, 'voided'),
    ],
    notifications: [
      {
        orderId: confirmedId,
        outcome: 'confirmed',
        status: 'sent',
        messageId: `${confirmedId}.confirmed@sagamart.example`,
      },
      {
        orderId: cancelledId,
        outcome: 'cancelled',
        status: 'no_address',
        messageId: `${cancelledId}.cancelled@sagamart.example`,
      },
      ...[`${refundedId} confirmed`, `${refundedId} cancelled`, `${voidedId} cancelled`].map((subject) => {
        const [orderId = '', outcome = ''] = subject.split(' ');
        return { orderId, outcome, status: 'no_address', messageId: `${orderId}.${outcome}@sagamart.example` };
      }),
    ],
    messages: {
      order: messagesOf('order'),
      inventory: messagesOf('inventory'),
      payment: messagesOf('payment'),
      notification: messagesOf('notification'),
    },
    records,
    topicsHoldFromMs: {
      'order.events': 0,
      'inventory.events': 0,
      'payment.events': 0,
      'notification.events': 0,
      'catalog.events': 0,
    },
    ledger: [
      { ...entry(1, 'capture', confirmedId), captureId: 'cap_1', amountMinor: 2_400 },
      entry(2, 'decline', cancelledId),
      { ...entry(3, 'capture', refundedId), captureId: 'cap_3' },
      { ...entry(4, 'refund', refundedId), captureId: 'cap_3', refundId: 'ref_4' },
      { ...entry(5, 'void', voidedId), amountMinor: null, currency: null, reference: null },
    ],
    mails: [`${confirmedId}.confirmed@sagamart.example`],
    doors: [{ service: 'order', role: 'inventory_auditor', open: false }],
  };
}

function entry(sequence: number, kind: LedgerEntry['kind'], orderId: string): LedgerEntry {
  const key = `${kind === 'refund' ? 'refund' : 'capture'}-${orderId}`;
  return {
    sequence,
    kind,
    key,
    captureId: null,
    refundId: null,
    amountMinor: 1_200,
    currency: 'EUR',
    reference: orderId,
  };
}

function payment(orderId: string, status: string): PaymentRow {
  return { orderId, status, amountMinor: 1_200, currency: 'EUR', captureId: null, refundId: null, settledBy: null };
}
