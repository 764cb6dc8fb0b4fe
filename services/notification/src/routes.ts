import { OrderId } from '@sagamart/contracts/ids';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { Problem } from '@sagamart/service-kit/problem';
import { callerOf, maySee, requireCaller } from '@sagamart/service-kit/token';
import { Type } from 'typebox';
import type { Deps } from './deps.ts';
import type { Notification } from './notification.ts';
import { findCorrespondence } from './notification-store.ts';

const ById = Type.Object({ orderId: OrderId });

export function registerNotificationRoutes(app: HttpApp, deps: Pick<Deps, 'pool' | 'verifier'>): void {
  app.get(
    '/notifications/:orderId',
    { onRequest: requireCaller(deps.verifier), schema: { params: ById } },
    async (request) => {
      const { orderId } = request.params;
      const { notifications } = await findCorrespondence(deps.pool, orderId);
      const caller = callerOf(request);
      // Somebody else's order is not found, so that order ids tell a stranger nothing.
      if (notifications.length === 0 || !notifications.every(({ customerId }) => maySee(caller, customerId))) {
        throw new Problem({
          status: 404,
          code: 'not_found',
          detail: `There is nothing to tell of an order ${orderId} of yours.`,
        });
      }
      return { items: notifications.map(notificationView) };
    },
  );
}

function notificationView(notification: Notification) {
  const { outcome, status } = notification;
  return status === 'sent' ? { outcome, status, sentAt: notification.sentAt } : { outcome, status };
}
