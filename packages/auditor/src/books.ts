import type { ServiceName, Topic } from '@sagamart/contracts/topics';
import type { Invariant } from './invariants.ts';

/**
 * What the shop has written down of some orders, or of all: in four databases, the topics, the provider's ledger, the mail catcher. What the shop is
 * as a whole, such as its stock, is complete in either.
 */
export type Books = {
  readonly orders: readonly OrderRow[];
  /** The answers stored under idempotency keys of POST /orders. */
  readonly orderKeys: readonly OrderKeyRow[];
  readonly stock: readonly StockRow[];
  /** In the order they were written. */
  readonly movements: readonly MovementRow[];
  readonly reservations: readonly ReservationRow[];
  readonly payments: readonly PaymentRow[];
  readonly notifications: readonly NotificationRow[];
  readonly messages: Readonly<Record<ServiceName, MessageRows>>;
  /** Every record of the saga's topics, by partition and offset; a record may stand there twice. */
  readonly records: readonly TopicRecord[];
  /** From when on a topic still holds all it was given; 0 where it holds everything. */
  readonly topicsHoldFromMs: Readonly<Record<Topic, number>>;
  readonly ledger: readonly LedgerEntry[];
  /** Message-ID of each mail, without angle brackets. */
  readonly mails: readonly string[];
  readonly doors: readonly Door[];
};

export type OrderRow = {
  orderId: string;
  customerId: string;
  status: string;
  /** Whether it ever was confirmed; it may be cancelled since. */
  wasConfirmed: boolean;
  deadlineAtMs: number;
  totalMinor: number;
  currency: string;
  lines: readonly Quantity[];
  /** Whether the customer left an address to write to. */
  hasAddress: boolean;
};

export type Quantity = { sku: string; quantity: number };

export type OrderKeyRow = { owner: string; key: string; orderId: string };

/** The three places a unit can be. `onHand` is what may still be sold. */
export type Stock = { onHand: number; held: number; committed: number };

export type StockRow = Stock & { sku: string };

/** One change of the stock of a sku, with the balances right after it. */
export type MovementRow = Stock & {
  movementId: number;
  sku: string;
  kind: string;
  quantity: number;
  orderId: string | null;
};

/** `lines` is empty unless units were held for the order. */
export type ReservationRow = { orderId: string; status: string; lines: readonly Quantity[] };

export type PaymentRow = {
  orderId: string;
  status: string;
  amountMinor: number | null;
  currency: string | null;
  captureId: string | null;
  refundId: string | null;
  /** Who had the last word on it, where that was not the provider's answer: a person, or what was found in the provider's books. */
  settledBy: 'person' | 'books' | null;
};

export type NotificationRow = { orderId: string; outcome: string; status: string; messageId: string };

export type MessageRows = {
  readonly outbox: readonly OutboxRow[];
  readonly inbox: readonly InboxRow[];
  readonly parked: readonly ParkedRow[];
  /** From when on outbox and inbox still hold all there was: the start of the oldest partition. */
  readonly outboxHoldsFromMs: number;
  readonly inboxHoldsFromMs: number;
};

export type OutboxRow = {
  id: string;
  topic: string;
  key: string;
  type: string;
  source: string;
  version: number;
  lamport: number;
  causationId: string | null;
  /** MD5 of the data, which says whether it is the same and not what it is. */
  digest: string;
  /** By the database's clock, inside the transaction that said it. */
  writtenAtMs: number;
};

export type InboxRow = { id: string; topic: string; key: string; receivedAtMs: number };

export type ParkedRow = {
  topic: string;
  key: string;
  /** Of one without an id of ours, its place in Kafka. */
  eventId: string;
  type: string | null;
  reason: string;
  status: string;
};

export type TopicRecord = {
  topic: string;
  partition: number;
  offset: number;
  /** When the broker appended it. */
  timestampMs: number;
  key: string;
  id: string;
  type: string;
  source: string;
  version: number;
  lamport: number;
  causationId: string | null;
  digest: string;
};

/** One line of the provider's ledger. What a kind of line does not know is null: a void has no amount and no capture. */
export type LedgerEntry = {
  sequence: number;
  kind: 'capture' | 'decline' | 'void' | 'refund';
  /** The idempotency key it came under; of a void, the key of the capture that it forbids. */
  key: string;
  captureId: string | null;
  refundId: string | null;
  amountMinor: number | null;
  currency: string | null;
  reference: string | null;
};

/** One attempt to get into a service's database as somebody else's role, or one role found there that is not the service's. */
export type Door = { service: ServiceName; role: string; open: boolean };

/** One place where the books do not agree. `about` is an order id (or another key of a message), a sku or a service. */
export type Finding = { readonly invariant: Invariant; readonly about: string; readonly detail: string };

export type { Invariant };
