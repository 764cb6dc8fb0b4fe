import type {
  NotificationRecord,
  NotificationStep,
  OrderRecord,
  Outcome,
  PaymentStep,
  StockStep,
} from './part-view.ts';

/** What one service said about an order: `absent` when it has no row yet, `down` when it could not be asked. */
export type Part<T> = { kind: 'known'; value: T } | { kind: 'absent' } | { kind: 'down' };

export type PaymentWord = PaymentStep | 'none' | 'unavailable';
export type StockWord = StockStep | 'none' | 'unavailable';
export type NotificationWord = NotificationStep | 'unavailable';
type Worded<Word> = { status: Word; stale?: true };

export type OrderView = {
  orderId: string;
  status: OrderRecord['status'];
  reason?: NonNullable<OrderRecord['reason']>;
  lines: OrderRecord['lines'];
  totalMinor: number;
  currency: OrderRecord['currency'];
  deadline: string;
  placedAt: string;
  payment: Worded<PaymentWord>;
  stock: Worded<StockWord>;
  notifications: ({ outcome: Outcome; sentAt?: string } & Worded<NotificationWord>)[];
};

/**
 * One order as its customer sees it. The parts were read before the order, so the order may know more than they do: each part is raised to at
 * least what the order has heard of it, and what the order decided is believed over what a part has not done yet.
 */
export function composeOrder(
  order: OrderRecord,
  parts: { payment: Part<PaymentStep>; stock: Part<StockStep>; notifications: Part<NotificationRecord[]> },
): OrderView {
  const payment = raisedPayment(order, parts.payment);
  const stock = raisedStock(order, parts.stock, payment);
  return {
    ...orderSummary(order),
    payment: worded(parts.payment, payment, (step) => paymentWord(order.status, step)),
    stock: worded(parts.stock, stock, (step) => stockWord(order.status, step)),
    notifications: notificationsOf(order, parts.notifications),
  };
}

/** What the order service alone knows of an order, for lists. */
export function orderSummary(order: OrderRecord): Omit<OrderView, 'payment' | 'stock' | 'notifications'> {
  const { orderId, status, reason, lines, totalMinor, currency, deadline, placedAt } = order;
  const summary = { orderId, status, lines, totalMinor, currency, deadline, placedAt };
  return reason === undefined || reason === null ? summary : { ...summary, reason };
}

const paymentRank: Record<PaymentStep, number> = {
  waiting: 1,
  capturing: 2,
  voiding: 3,
  captured: 4,
  declined: 5,
  voided: 5,
  refunding: 5,
  refunded: 6,
};
const stockRank: Record<StockStep, number> = {
  waiting: 1,
  held: 2,
  committed: 3,
  releasing: 4,
  rejected: 5,
  released: 5,
};

function raisedPayment(order: OrderRecord, part: Part<PaymentStep>): PaymentStep | null {
  const known = part.kind === 'known' ? part.value : null;
  const implied = order.status === 'confirmed' ? 'captured' : order.reason === 'payment_declined' ? 'declined' : null;
  return furthest(paymentRank, [known, order.heard.payment ?? null, implied]);
}

function raisedStock(order: OrderRecord, part: Part<StockStep>, payment: PaymentStep | null): StockStep | null {
  const known = part.kind === 'known' ? part.value : null;
  const implied = order.reason === 'out_of_stock' ? 'rejected' : needsStock(order, payment) ? 'held' : null;
  return furthest(stockRank, [known, order.heard.stock ?? null, implied]);
}

/** Payment captures only what inventory has reserved, so any sign of a capture says that stock was held. */
function needsStock(order: OrderRecord, payment: PaymentStep | null): boolean {
  return order.status === 'confirmed' || (payment !== null && capturingSteps.has(payment));
}

const capturingSteps = new Set<PaymentStep>(['capturing', 'captured', 'declined', 'voiding', 'refunding', 'refunded']);

function furthest<Step extends string>(rank: Record<Step, number>, steps: readonly (Step | null)[]): Step | null {
  let best: Step | null = null;
  for (const step of steps) if (step !== null && (best === null || rank[step] > rank[best])) best = step;
  return best;
}

function worded<Step, Word>(
  part: Part<unknown>,
  raised: Step | null,
  word: (step: Step | null) => Word,
): Worded<Word | 'unavailable'> {
  if (part.kind !== 'down') return { status: word(raised) };
  return raised === null ? { status: 'unavailable' } : { status: word(raised), stale: true };
}

/** Total: a step that the order's status excludes is told as the nearest step that it allows. */
function paymentWord(status: OrderRecord['status'], step: PaymentStep | null): PaymentWord {
  switch (status) {
    case 'pending':
      return step === null || step === 'voided' ? 'waiting' : pendingPayment[step];
    case 'confirmed':
      return 'captured';
    case 'cancelled':
      return step === null ? 'none' : cancelledPayment[step];
    default:
      return status satisfies never;
  }
}

const pendingPayment: Record<Exclude<PaymentStep, 'voided'>, PaymentWord> = {
  waiting: 'waiting',
  capturing: 'capturing',
  voiding: 'capturing',
  captured: 'captured',
  declined: 'declined',
  refunding: 'captured',
  refunded: 'captured',
};

const cancelledPayment: Record<PaymentStep, PaymentWord> = {
  waiting: 'voiding',
  capturing: 'voiding',
  voiding: 'voiding',
  voided: 'voided',
  declined: 'declined',
  captured: 'refunding',
  refunding: 'refunding',
  refunded: 'refunded',
};

function stockWord(status: OrderRecord['status'], step: StockStep | null): StockWord {
  switch (status) {
    case 'pending':
      return step === null || step === 'waiting' ? 'waiting' : step === 'rejected' ? 'rejected' : 'held';
    case 'confirmed':
      return step === 'committed' ? 'committed' : 'held';
    case 'cancelled':
      return step === null || step === 'waiting' ? 'none' : cancelledStock[step];
    default:
      return status satisfies never;
  }
}

const cancelledStock: Record<Exclude<StockStep, 'waiting'>, StockWord> = {
  held: 'releasing',
  committed: 'releasing',
  releasing: 'releasing',
  released: 'released',
  rejected: 'rejected',
};

/** Only outcomes the order has reached: a confirmed order that was cancelled later may have told both. */
function notificationsOf(order: OrderRecord, part: Part<NotificationRecord[]>): OrderView['notifications'] {
  const heard = new Set((order.heard.notifications ?? []).map(({ outcome }) => outcome));
  const rows = part.kind === 'known' ? part.value : [];
  return reachedOutcomes(order.status).flatMap((outcome): OrderView['notifications'] => {
    const row = rows.find((candidate) => candidate.outcome === outcome);
    const status = heard.has(outcome) ? 'sent' : row?.status;
    if (part.kind === 'down') {
      if (status !== undefined) return [{ outcome, status, stale: true }];
      return outcome === order.status ? [{ outcome, status: 'unavailable' }] : [];
    }
    if (status === undefined) return [];
    return [typeof row?.sentAt === 'string' ? { outcome, status, sentAt: row.sentAt } : { outcome, status }];
  });
}

function reachedOutcomes(status: OrderRecord['status']): Outcome[] {
  if (status === 'pending') return [];
  return status === 'confirmed' ? ['confirmed'] : ['confirmed', 'cancelled'];
}
