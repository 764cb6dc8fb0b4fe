import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import type { Deps } from './deps.ts';
import { registerOrderRoutes } from './routes.ts';

export function buildApp(deps: Deps): HttpApp {
  const app = createHttpApp({ logger: deps.logger, readiness: deps.readiness, alarms: deps.alarms });
  registerOrderRoutes(app, deps);
  return app;
}
