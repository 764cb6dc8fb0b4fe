import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { describeEvents } from '@sagamart/contracts/asyncapi';
import type { HttpApp } from '@sagamart/service-kit/http-app';

/**
 * Publishes the description of all routes registered after this call, /openapi.json for programs and /docs for people, and of the events that the
 * services behind the door say to each other: /asyncapi.json.
 */
export async function addOpenApi(app: HttpApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sagamart',
        version: '1',
        description:
          'The public door of the shop. Refusals are application/problem+json (RFC 9457): branch on their code.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'sessions' },
        { name: 'products' },
        { name: 'orders' },
        { name: 'parked messages' },
        { name: 'payments' },
        { name: 'notifications' },
        { name: 'health' },
      ],
      components: { securitySchemes: { session: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      paths: {
        '/livez': health('The process is alive'),
        '/readyz': health('Requests can be answered'),
        '/metrics': metricsPage,
      },
    },
    transform: ({ schema, url, route }) => ({
      url,
      schema: route.config?.isKeyed === true ? { ...schema, headers: idempotencyKey } : schema,
    }),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // No outside validator is asked about the description.
    uiConfig: { validatorUrl: null },
    transformStaticCSP: (policy) =>
      policy.replace(' validator.swagger.io', '').replace(' upgrade-insecure-requests;', ''),
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  app.get('/asyncapi.json', { schema: { hide: true } }, () => describeEvents());
}

const idempotencyKey = {
  type: 'object',
  required: ['idempotency-key'],
  properties: {
    'idempotency-key': {
      type: 'string',
      minLength: 1,
      maxLength: 257,
      description:
        'Any unique text of 1 to 255 visible ASCII characters, bare or quoted. Repeat it when you repeat the request.',
      examples: ['0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01'],
    },
  },
};

const metricsPage = {
  get: { tags: ['health'], summary: 'Figures for Prometheus', responses: { 200: { description: 'OpenMetrics text' } } },
};

function health(description: string) {
  const ok = { description: 'Yes' };
  return {
    get: {
      tags: ['health'],
      summary: description,
      responses: { 200: ok, 503: { description: 'No, with a problem that says why' } },
    },
  };
}
