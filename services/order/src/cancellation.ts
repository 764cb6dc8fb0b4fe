import type { Span } from '@opentelemetry/api';
import type { OrderId } from '@sagamart/contracts/ids';
import { lockForWork } from '@sagamart/service-kit/aggregate';
import type { Transaction } from '@sagamart/service-kit/transaction';
import type { Clock } from '@sagamart/service-kit/transition';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, startSpan, traceparentOf } from '@sagamart/telemetry/spans';
import type { Order, OrderRow } from './order.ts';
import { freeOrders, orders } from './order-store.ts';

/** The order afterwards; `isTooLate` when the time to cancel it was over. */
export type Cancelled = { readonly order: Order; readonly isTooLate: boolean };

/**
 * Cancels an order for its customer, as far as `maySee` says it is theirs. Null: there is no such order of theirs. The order is locked first, so
 * what is decided holds for the order as it is when this commits.
 */
export async function cancelForCustomer(
  tx: Transaction,
  orderId: OrderId,
  options: { clock: Clock; cancelWindowMs: number; maySee: (order: Order) => boolean },
): Promise<Cancelled | null> {
  const { clock, cancelWindowMs, maySee } = options;
  const command = (traceparent: string | null) => ({ type: 'cancel' as const, orderId, cancelWindowMs, traceparent });
  const work = await lockForWork(tx, orders, [command(null)], clock);
  const before = work.find(orderId);
  if (before === null || !maySee(before.order)) return null;
  const span = startStepSpan(spanName.cancelOrder, before);
  const after = work.take(command(traceparentOf(span)));
  // A span that does not end is not told of.
  if (!('row' in after))
    return { order: before.order, isTooLate: 'refused' in after && after.refused === 'window_closed' };
  await work.write();
  span.end();
  return { order: after.row.order, isTooLate: false };
}

/** Cancels those of the orders that are still pending, and that nobody else holds, as `timed_out`. Returns how many. */
export async function timeOutOrders(tx: Transaction, orderIds: readonly OrderId[], clock: Clock): Promise<number> {
  const timer = (orderId: OrderId, traceparent: string | null) => ({ type: 'time_out' as const, orderId, traceparent });
  const work = await lockForWork(
    tx,
    freeOrders,
    orderIds.map((orderId) => timer(orderId, null)),
    clock,
  );
  const spans: Span[] = [];
  for (const orderId of orderIds) {
    const before = work.find(orderId);
    if (before === null) continue;
    const span = startStepSpan(spanName.timeOutOrder, before);
    const after = work.take(timer(orderId, traceparentOf(span)));
    if ('row' in after) spans.push(span);
  }
  await work.write();
  for (const span of spans) span.end();
  return spans.length;
}

/** What a command or a timer does to an order belongs to the order's trace, where a link leads to them. */
function startStepSpan(name: string, { order: { orderId }, traceparent: parent }: OrderRow): Span {
  return startSpan(name, { parent, links: [activeTraceparent()], attributes: { [attribute.orderId]: orderId } });
}
