import type { CancelReason, OrderLine } from '@sagamart/contracts/events';
import type { CustomerId, EventId, OrderId } from '@sagamart/contracts/ids';
import type { Currency } from '@sagamart/contracts/money';
import type { Repository } from '@sagamart/service-kit/aggregate';
import { storable, type Reader } from '@sagamart/service-kit/database';
import type { Transaction } from '@sagamart/service-kit/transaction';
import { appendToOutbox } from '@sagamart/service-kit/outbox';
import type { Counters } from '@sagamart/service-kit/transition';
import {
  correspondenceAggregate,
  type CausedNotification,
  type Correspondence,
  type CorrespondenceRow,
  type MailRefusal,
  type Notification,
  type NotificationInput,
  type PendingNotification,
} from './notification.ts';

/** A notification that this process may now try to send; `attempts` counts this one. */
export type Claim = {
  readonly notification: PendingNotification;
  readonly attempts: number;
  readonly traceparent: string | null;
};

/** What customers are told of orders, in PostgreSQL: created where missing. */
export const correspondences: Repository<OrderId, CorrespondenceRow, NotificationInput, MailRefusal> = {
  aggregate: correspondenceAggregate,
  keyOf: orderIdOf,
  lock: (tx, inputs) => lockCorrespondences(tx, [...new Set(inputs.map(orderIdOf))]),
  write: async (tx, { rows, events, steps }) => {
    const changed = Map.groupBy(steps, ({ input }) => effectOf(input));
    const of = (effect: ReturnType<typeof effectOf>) =>
      (changed.get(effect) ?? []).flatMap(({ input, row }) =>
        row.notifications.filter(({ notification }) => notification.outcome === outcomeOf(input)),
      );
    await Promise.all([
      insertNotifications(tx, of('is told')),
      updateEnded(tx, of('ends')),
      makeDue(tx, of('is due again')),
      updateCorrespondences(tx, rows),
      appendToOutbox(tx, events),
    ]);
  },
};

function orderIdOf(input: NotificationInput): OrderId {
  return 'data' in input ? input.data.orderId : input.orderId;
}

function outcomeOf(input: NotificationInput): Notification['outcome'] {
  if (!('data' in input)) return input.outcome;
  return input.type === 'order.confirmed' ? 'confirmed' : 'cancelled';
}

/** What an input does to the notification that it is about. */
function effectOf(input: NotificationInput): 'is told' | 'ends' | 'is due again' {
  if ('data' in input) return 'is told';
  return input.type === 'resend' ? 'is due again' : 'ends';
}

async function lockCorrespondences(
  tx: Transaction,
  orderIds: readonly OrderId[],
): Promise<Map<OrderId, CorrespondenceRow>> {
  await tx.query({
    name: 'create-correspondences',
    text: `insert into correspondences (order_id) select id from unnest($1::uuid[]) as id order by id on conflict do nothing`,
    values: [orderIds],
  });
  const locked = await tx.query<{ order_id: OrderId } & Counters>({
    name: 'lock-correspondences',
    text: `select order_id, lamport, version from correspondences where order_id = any($1) order by order_id for update`,
    values: [orderIds],
  });
  // A statement of its own: one that waited for the locks would see the notifications as they were before it waited.
  const { rows } = await tx.query<NotificationRow>({
    name: 'read-notifications',
    text: `select ${columns} from notifications where order_id = any($1) order by order_id, order_version`,
    values: [orderIds],
  });
  const byOrder = Map.groupBy(rows.map(fromRow), ({ notification }) => notification.orderId);
  return new Map(
    locked.rows.map(({ order_id: orderId, lamport, version }) => [
      orderId,
      { orderId, lamport, version, notifications: byOrder.get(orderId) ?? [] },
    ]),
  );
}

/** Writes the counters, each row once. */
async function updateCorrespondences(tx: Transaction, changed: readonly CorrespondenceRow[]): Promise<void> {
  await tx.query({
    name: 'update-correspondences',
    text: `
      update correspondences set (lamport, version) = (changed.lamport, changed.version)
      from json_to_recordset($1) as changed (order_id uuid, lamport bigint, version bigint)
      where correspondences.order_id = changed.order_id`,
    values: [JSON.stringify(changed.map(({ orderId, lamport, version }) => ({ order_id: orderId, lamport, version })))],
  });
}

async function insertNotifications(tx: Transaction, notifications: readonly CausedNotification[]): Promise<void> {
  if (notifications.length === 0) return;
  const rows = notifications.map(({ notification, cause, orderVersion }) => ({
    order_id: notification.orderId,
    outcome: notification.outcome,
    customer_id: notification.customerId,
    email: notification.email,
    lines: notification.lines,
    total_minor: notification.totalMinor,
    currency: notification.currency,
    reason: notification.outcome === 'cancelled' ? notification.reason : null,
    confirmed_at: notification.confirmedAt,
    cancelled_at: notification.outcome === 'cancelled' ? notification.cancelledAt : null,
    status: notification.status,
    cause_event_id: cause.causationId,
    cause_lamport: cause.lamport,
    correlation_id: cause.correlationId,
    traceparent: cause.traceparent,
    order_version: orderVersion,
  }));
  await tx.query({
    name: 'insert-notifications',
    text: `
      insert into notifications (order_id, outcome, customer_id, email, lines, total_minor, currency, reason, confirmed_at, cancelled_at,
        status, cause_event_id, cause_lamport, correlation_id, traceparent, order_version)
      select * from json_to_recordset($1) as fresh (order_id uuid, outcome text, customer_id uuid, email text, lines jsonb, total_minor bigint,
        currency text, reason text, confirmed_at timestamptz, cancelled_at timestamptz, status text, cause_event_id uuid, cause_lamport bigint,
        correlation_id text, traceparent text, order_version bigint)`,
    values: [JSON.stringify(rows)],
  });
}

/**
 * Claims notifications that are due, oldest first, for as long as the lease: nobody else tries them meanwhile. Of one order only the
 * oldest that is not sent yet, so that the customer hears things in the order they happened.
 */
export async function claimDue(
  reader: Reader,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<Claim[]> {
  const { rows } = await reader.query<NotificationRow & { attempts: number }>({
    name: 'claim-due',
    text: `
      with due as materialized (
        select order_id, outcome from notifications as waiting
        where status = 'pending' and next_attempt_at <= clock_timestamp() and not exists (
          select from notifications as earlier
          where earlier.order_id = waiting.order_id and earlier.status = 'pending' and earlier.order_version < waiting.order_version)
        order by next_attempt_at limit $1
        for update skip locked),
      claimed as (
        update notifications set attempts = attempts + 1, next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
        from due where notifications.order_id = due.order_id and notifications.outcome = due.outcome
        returning notifications.*)
      select ${columns}, attempts from claimed`,
    values: [limit, leaseMs],
  });
  return rows.flatMap((row) => {
    const { notification } = fromRow(row);
    const { attempts, traceparent } = row;
    return notification.status === 'pending' ? [{ notification, attempts, traceparent }] : [];
  });
}

/** Writes how notifications ended, each row once. */
async function updateEnded(tx: Transaction, ended: readonly CausedNotification[]): Promise<void> {
  if (ended.length === 0) return;
  const rows = ended.map(({ notification }) => ({
    order_id: notification.orderId,
    outcome: notification.outcome,
    status: notification.status,
    sent_at: notification.status === 'sent' ? notification.sentAt : null,
  }));
  await tx.query({
    name: 'update-ended',
    text: `
      update notifications set (status, sent_at) = (changed.status, changed.sent_at)
      from json_to_recordset($1) as changed (order_id uuid, outcome text, status text, sent_at timestamptz)
      where notifications.order_id = changed.order_id and notifications.outcome = changed.outcome`,
    values: [JSON.stringify(rows)],
  });
}

/** Makes notifications due at once, at the address they have now, as if they had never been tried. */
async function makeDue(tx: Transaction, resent: readonly CausedNotification[]): Promise<void> {
  if (resent.length === 0) return;
  const rows = resent.map(({ notification: { orderId, outcome, email } }) => ({ order_id: orderId, outcome, email }));
  await tx.query({
    name: 'make-due',
    text: `
      update notifications set (status, email, attempts, next_attempt_at, failing_since, is_blocked, last_answer) =
        ('pending', changed.email, 0, clock_timestamp(), null, false, null)
      from json_to_recordset($1) as changed (order_id uuid, outcome text, email text)
      where notifications.order_id = changed.order_id and notifications.outcome = changed.outcome`,
    values: [JSON.stringify(rows)],
  });
}

/** An attempt that did not end a notification: what it brought instead, and the pause until the next. */
export type Pause = {
  readonly orderId: OrderId;
  readonly outcome: string;
  readonly pauseMs: number;
  readonly answer: string;
  /** Whether only a person can change what the answer refuses. */
  readonly isBlocked: boolean;
};

/** Sets the time of the next attempt of notifications that are still to be sent, and notes why there has to be one. */
export async function postpone(tx: Transaction, pauses: readonly Pause[]): Promise<void> {
  if (pauses.length === 0) return;
  await tx.query({
    name: 'postpone',
    text: `
      update notifications set next_attempt_at = clock_timestamp() + changed.pause_ms * interval '1 millisecond',
        failing_since = coalesce(failing_since, clock_timestamp()), last_answer = changed.answer, is_blocked = changed.is_blocked
      from json_to_recordset($1) as changed (order_id uuid, outcome text, pause_ms integer, answer text, is_blocked boolean)
      where notifications.order_id = changed.order_id and notifications.outcome = changed.outcome and status = 'pending'`,
    values: [
      JSON.stringify(
        pauses.map(({ orderId, outcome, pauseMs, answer, isBlocked }) => ({
          order_id: orderId,
          outcome,
          pause_ms: pauseMs,
          answer: storable(answer.slice(0, answerTextMax)),
          is_blocked: isBlocked,
        })),
      ),
    ],
  });
}

const answerTextMax = 500;

/** What the customer of an order was told or is about to be; no notifications when nothing is known of the order. */
export async function findCorrespondence(reader: Reader, orderId: OrderId): Promise<Correspondence> {
  const { rows } = await reader.query<NotificationRow>({
    name: 'find-correspondence',
    text: `select ${columns} from notifications where order_id = $1 order by order_version`,
    values: [orderId],
  });
  return { orderId, notifications: rows.map((row) => fromRow(row).notification) };
}

const columns = `order_id, outcome, customer_id, email, lines, total_minor, currency, reason, confirmed_at, cancelled_at, status, sent_at,
  cause_event_id, cause_lamport, correlation_id, traceparent, order_version`;

type NotificationRow = {
  order_id: OrderId;
  customer_id: CustomerId;
  lines: OrderLine[];
  total_minor: number;
  currency: Currency;
  cause_event_id: EventId;
  cause_lamport: number;
  correlation_id: string;
  traceparent: string | null;
  order_version: number;
} & OutcomeColumns &
  DeliveryColumns;

/** The unions say what the table's constraints say. */
type OutcomeColumns =
  | { outcome: 'confirmed'; confirmed_at: Date }
  | { outcome: 'cancelled'; confirmed_at: Date | null; cancelled_at: Date; reason: CancelReason };
type DeliveryColumns =
  | { status: 'pending'; email: string }
  | { status: 'sent'; email: string; sent_at: Date }
  | { status: 'refused'; email: string }
  | { status: 'no_address'; email: null };

function fromRow(row: NotificationRow): CausedNotification {
  const facts = {
    orderId: row.order_id,
    customerId: row.customer_id,
    lines: row.lines,
    totalMinor: row.total_minor,
    currency: row.currency,
  };
  return {
    notification: { ...facts, ...outcomeColumnsOf(row), ...deliveryOf(row) },
    cause: {
      causationId: row.cause_event_id,
      lamport: row.cause_lamport,
      correlationId: row.correlation_id,
      traceparent: row.traceparent,
    },
    orderVersion: row.order_version,
  };
}

function outcomeColumnsOf(row: OutcomeColumns) {
  if (row.outcome === 'confirmed') return { outcome: row.outcome, confirmedAt: row.confirmed_at.toISOString() };
  const { outcome, reason } = row;
  return {
    outcome,
    reason,
    cancelledAt: row.cancelled_at.toISOString(),
    confirmedAt: row.confirmed_at?.toISOString() ?? null,
  };
}

function deliveryOf(row: DeliveryColumns) {
  if (row.status === 'sent') return { status: row.status, email: row.email, sentAt: row.sent_at.toISOString() };
  return row.status === 'no_address' ? { status: row.status, email: null } : { status: row.status, email: row.email };
}
