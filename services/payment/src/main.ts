import { newId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { startConsumer } from '@sagamart/service-kit/consumer';
import { createPool, databaseReadiness } from '@sagamart/service-kit/database';
import { listen } from '@sagamart/service-kit/http-app';
import { registerParkedRoutes } from '@sagamart/service-kit/parked-routes';
import { keepPartitionsAhead } from '@sagamart/service-kit/partitions';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { createTokenVerifier } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { createParticipant, topics } from './messages.ts';
import { createProvider } from './provider.ts';
import { providerAlarm, startProviderCalls } from './provider-calls.ts';

const config = readConfig();
const logger = createLogger({ service: 'payment', level: config.LOG_LEVEL });
const clock = { now: () => new Date(), newEventId: newId };
const pool = createPool({ connectionString: config.DATABASE_URL, applicationName: 'payment' });
const partitions = await keepPartitionsAhead(pool, logger);
const calls = startProviderCalls({ pool, provider: createProvider(config), clock, logger });
const participant = createParticipant(clock, calls.nudge);
const handle = createBatchHandler({ pool, participant, logger });
const consumer = startConsumer({
  brokers: config.KAFKA_BROKERS.split(','),
  groupId: 'payment',
  topics,
  handle,
  logger,
});
const verifier = createTokenVerifier(config);
const app = buildApp({
  pool,
  clock,
  verifier,
  logger,
  readiness: [databaseReadiness(pool), { name: 'consumer', check: consumer.trouble }],
  alarms: [providerAlarm(pool)],
});
registerParkedRoutes(app, { service: 'payment', pool, participant, verifier, logger });

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  { name: 'consumer', close: () => consumer.stop() },
  { name: 'provider calls', close: () => calls.stop() },
  { name: 'partitions', close: async () => partitions.stop() },
  { name: 'database', close: () => pool.end() },
]);
await listen(app, config);
