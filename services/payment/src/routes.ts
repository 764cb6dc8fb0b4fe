import { OrderId } from '@sagamart/contracts/ids';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { Problem } from '@sagamart/service-kit/problem';
import { callerOf, maySee, requireCaller } from '@sagamart/service-kit/token';
import { Type } from 'typebox';
import type { Deps } from './deps.ts';
import { findPayment } from './payment-store.ts';

export function registerPaymentRoutes(app: HttpApp, deps: Deps): void {
  const ById = Type.Object({ orderId: OrderId });
  app.get(
    '/payments/:orderId',
    { onRequest: requireCaller(deps.verifier), schema: { params: ById } },
    async (request) => {
      const { orderId } = request.params;
      const stored = await findPayment(deps.pool, orderId);
      if (stored === null || !maySee(callerOf(request), stored.customerId)) {
        throw new Problem({
          status: 404,
          code: 'not_found',
          detail: `There is no payment for an order ${orderId} of yours.`,
        });
      }
      return { orderId, status: stored.payment.status };
    },
  );
}
