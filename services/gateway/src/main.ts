import { listen } from '@sagamart/service-kit/http-app';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { verifierWithKeys } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { startTracing } from '@sagamart/telemetry/tracing';
import { buildApp } from './app.ts';
import { loadGatewayConfig } from './config.ts';
import { createRequestCounter } from './request-counter.ts';
import { openSessionKeys } from './session-keys.ts';
import { createUpstream } from './upstream.ts';

const config = loadGatewayConfig();
const logger = createLogger({ service: 'gateway', level: config.LOG_LEVEL });
const tracing = await startTracing({ service: 'gateway', logger });
const keys = await openSessionKeys(config.SESSION_KEYS_FILE, logger);
const verifier = verifierWithKeys({ keyOf: keys.keyOf, issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE });
const counter = createRequestCounter(config.REDIS_URL, logger);
const order = createUpstream('order', config.ORDER_URL);
const inventory = createUpstream('inventory', config.INVENTORY_URL);
const payment = createUpstream('payment', config.PAYMENT_URL);
const notification = createUpstream('notification', config.NOTIFICATION_URL);

const now = () => new Date();
const app = await buildApp({ config, logger, keys, verifier, counter, order, inventory, payment, notification, now });

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  ...[order, inventory, payment, notification].map((upstream) => ({
    name: upstream.name,
    close: () => upstream.close(),
  })),
  { name: 'redis', close: () => counter.close() },
  { name: 'tracing', close: () => tracing.close() },
]);
await listen(app, config);
