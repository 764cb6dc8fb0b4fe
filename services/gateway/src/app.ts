import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import { createHttpApp, type HttpApp } from '@sagamart/service-kit/http-app';
import { listOf } from './config.ts';
import type { Deps } from './deps.ts';
import { addEscalationRoutes } from './escalation-routes.ts';
import { addOpenApi } from './openapi.ts';
import { addOrderRoutes } from './order-routes.ts';
import { addParkedRoutes } from './parked-routes.ts';
import { addProductRoutes } from './product-routes.ts';
import { createLimits } from './rate-limit.ts';
import { addSessionRoutes } from './session-routes.ts';

/** The public door, ready to listen. It is ready when it can sign sessions: a service behind it that is down has answers of its own. */
export async function buildApp(deps: Deps): Promise<HttpApp> {
  const { config, logger, keys } = deps;
  const app = createHttpApp({
    logger,
    door: { trustedProxies: listOf(config.TRUSTED_PROXIES), tracedCallers: listOf(config.TRACED_CALLERS) },
    readiness: [
      { name: 'session-keys', check: async () => ((await keys.publicSet()).keys.length > 0 ? null : 'no keys') },
    ],
  });
  // TLS ends before the gateway; upgrading would make a browser ask a local shop for https.
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  const origins = listOf(config.CORS_ORIGINS);
  if (origins.length > 0) await app.register(cors, { origin: origins, methods, exposedHeaders, maxAge: corsSeconds });
  await addOpenApi(app);
  const limits = await createLimits(app, deps);

  addSessionRoutes(app, deps, limits);
  addProductRoutes(app, deps, limits);
  addOrderRoutes(app, deps, limits);
  addParkedRoutes(app, deps, limits);
  addEscalationRoutes(app, deps, limits);
  app.get(
    '/.well-known/jwks.json',
    { schema: { tags: ['sessions'], summary: 'The public keys that sessions are signed with' } },
    async (_request, reply) => reply.header('cache-control', 'public, max-age=60').send(await keys.publicSet()),
  );
  return app;
}

const methods = ['GET', 'POST', 'PUT'];
const exposedHeaders = ['location', 'retry-after', 'ratelimit', 'ratelimit-policy', 'traceresponse'];
const corsSeconds = 600;
