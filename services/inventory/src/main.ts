import { newId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { startConsumer } from '@sagamart/service-kit/consumer';
import { countMessage, observeConsumer } from '@sagamart/service-kit/consumer-metrics';
import { createPool, databaseReadiness } from '@sagamart/service-kit/database';
import { observeDatabase } from '@sagamart/service-kit/database-metrics';
import { consumerReadiness, createEvidence, pausedAlarm } from '@sagamart/service-kit/evidence';
import { createGroupProgress } from '@sagamart/service-kit/group-progress';
import { listen } from '@sagamart/service-kit/http-app';
import { parkedAlarm } from '@sagamart/service-kit/parked-alarm';
import { announceEvents } from '@sagamart/service-kit/outbox';
import { outboxAlarm } from '@sagamart/service-kit/outbox-alarm';
import { registerParkedRoutes } from '@sagamart/service-kit/parked-routes';
import { keepPartitions } from '@sagamart/service-kit/partitions';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { createTokenVerifier } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { startTracing } from '@sagamart/telemetry/tracing';
import { buildApp } from './app.ts';
import { seedCatalogue } from './catalogue.ts';
import { readConfig } from './config.ts';
import { createParticipant, topics } from './messages.ts';

const config = readConfig();
const logger = createLogger({ service: 'inventory', level: config.LOG_LEVEL });
const tracing = await startTracing({ service: 'inventory', logger });
const clock = { now: () => new Date(), newEventId: newId };
const pool = createPool({ connectionString: config.DATABASE_URL, applicationName: 'inventory' });
const partitions = await keepPartitions(pool, logger);
if (config.SEED_CATALOGUE) logger.info(await seedCatalogue(pool, clock), 'catalogue');
const participant = createParticipant(clock);
const evidence = createEvidence();
const handle = createBatchHandler({ pool, participant, logger, evidence, observe: countMessage });
const consumer = startConsumer({
  brokers: config.KAFKA_BROKERS.split(','),
  groupId: 'inventory',
  topics,
  handle,
  logger,
});
const progress = createGroupProgress({ brokers: config.KAFKA_BROKERS.split(','), groupId: 'inventory' });
const verifier = createTokenVerifier(config);
const app = buildApp({
  pool,
  clock,
  verifier,
  logger,
  readiness: [databaseReadiness(pool), consumerReadiness(consumer, evidence)],
  alarms: [parkedAlarm(pool), pausedAlarm(evidence), outboxAlarm(pool)],
});
registerParkedRoutes(app, { service: 'inventory', pool, participant, verifier, logger, evidence });
observeDatabase(pool);
announceEvents('inventory', logger);
observeConsumer({ consumer, progress, topics });

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  { name: 'consumer', close: () => consumer.stop() },
  { name: 'progress', close: () => progress.close() },
  { name: 'partitions', close: async () => partitions.stop() },
  { name: 'database', close: () => pool.end() },
  { name: 'tracing', close: () => tracing.close() },
]);
await listen(app, config);
