import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import type { Deps } from './deps.ts';
import { captureRoutes } from './routes.ts';

export function buildApp(deps: Deps): HttpApp {
  const app = createHttpApp({ logger: deps.logger });
  captureRoutes(app, deps);
  return app;
}
