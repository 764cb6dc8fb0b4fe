import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import type { Deps } from './deps.ts';
import { registerProductRoutes, registerReservationRoutes } from './routes.ts';

export function buildApp(deps: Deps): HttpApp {
  const app = createHttpApp({ logger: deps.logger, readiness: deps.readiness, alarms: deps.alarms });
  registerProductRoutes(app, deps);
  registerReservationRoutes(app, deps);
  return app;
}
