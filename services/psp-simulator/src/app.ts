import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import { controlRoutes } from './control-routes.ts';
import type { Deps } from './deps.ts';
import { moneyRoutes } from './routes.ts';

export function buildApp(deps: Deps): HttpApp {
  const app = createHttpApp({ logger: deps.logger });
  moneyRoutes(app, deps);
  controlRoutes(app, deps);
  return app;
}
