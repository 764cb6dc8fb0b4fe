import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import type { Deps } from './deps.ts';
import { registerOperatorRoutes } from './operator-routes.ts';
import { registerPaymentRoutes } from './routes.ts';

export function buildApp(deps: Deps): HttpApp {
  const app = createHttpApp({ logger: deps.logger, readiness: deps.readiness, alarms: deps.alarms });
  registerPaymentRoutes(app, deps);
  registerOperatorRoutes(app, deps);
  return app;
}
