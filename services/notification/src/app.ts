import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import type { Deps } from './deps.ts';
import { registerOperatorRoutes } from './operator-routes.ts';
import { registerNotificationRoutes } from './routes.ts';

export function buildApp(deps: Omit<Deps, 'mailer'>): HttpApp {
  const app = createHttpApp({ logger: deps.logger, readiness: deps.readiness, alarms: deps.alarms });
  registerNotificationRoutes(app, deps);
  registerOperatorRoutes(app, deps);
  return app;
}
