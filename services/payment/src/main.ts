import { newId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { startConsumer } from '@sagamart/service-kit/consumer';
import { countMessage, observeConsumer } from '@sagamart/service-kit/consumer-metrics';
import { createPool, databaseReadiness } from '@sagamart/service-kit/database';
import { observeDatabase, observeEscalated, observeUnfinished } from '@sagamart/service-kit/database-metrics';
import { consumerReadiness, createEvidence, pausedAlarm } from '@sagamart/service-kit/evidence';
import { createGroupProgress } from '@sagamart/service-kit/group-progress';
import { listen } from '@sagamart/service-kit/http-app';
import { parkedAlarm } from '@sagamart/service-kit/parked-alarm';
import { announceEvents } from '@sagamart/service-kit/outbox';
import { outboxAlarm } from '@sagamart/service-kit/outbox-alarm';
import { overdueAlarm } from '@sagamart/service-kit/overdue-alarm';
import { registerParkedRoutes } from '@sagamart/service-kit/parked-routes';
import { keepPartitions } from '@sagamart/service-kit/partitions';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { createTokenVerifier } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { startTracing } from '@sagamart/telemetry/tracing';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { findEscalations } from './escalation-store.ts';
import { createParticipant, topics } from './messages.ts';
import { readOwed } from './payment-store.ts';
import { createProvider } from './provider.ts';
import { measured } from './provider-metrics.ts';
import { providerAlarm, startProviderCalls } from './provider-calls.ts';

/** A provider that answers at all answers within seconds; a refund has been promised within a minute. */
const overdueSeconds = { payment_capturing: 12, payment_voiding: 30, payment_refunding: 60 };

const config = readConfig();
const logger = createLogger({ service: 'payment', level: config.LOG_LEVEL });
const tracing = await startTracing({ service: 'payment', logger });
const clock = { now: () => new Date(), newEventId: newId };
const pool = createPool({ connectionString: config.DATABASE_URL, applicationName: 'payment' });
const partitions = await keepPartitions(pool, logger);
const calls = startProviderCalls({ pool, provider: measured(createProvider(config)), clock, logger });
const participant = createParticipant(clock, calls.nudge);
const evidence = createEvidence();
const handle = createBatchHandler({ pool, participant, logger, evidence, observe: countMessage });
const consumer = startConsumer({
  brokers: config.KAFKA_BROKERS.split(','),
  groupId: 'payment',
  topics,
  handle,
  logger,
});
const progress = createGroupProgress({ brokers: config.KAFKA_BROKERS.split(','), groupId: 'payment' });
const verifier = createTokenVerifier(config);
const app = buildApp({
  pool,
  clock,
  committed: calls.nudge,
  verifier,
  logger,
  readiness: [databaseReadiness(pool), consumerReadiness(consumer, evidence)],
  alarms: [
    providerAlarm(pool),
    parkedAlarm(pool),
    pausedAlarm(evidence),
    outboxAlarm(pool),
    overdueAlarm(() => readOwed(pool), overdueSeconds),
  ],
});
registerParkedRoutes(app, { service: 'payment', pool, participant, verifier, logger, evidence });
observeDatabase(pool);
announceEvents('payment', logger);
observeConsumer({ consumer, progress, topics });
observeUnfinished(() => readOwed(pool));
observeEscalated(async () => (await findEscalations(pool))?.payments ?? 0);

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  { name: 'consumer', close: () => consumer.stop() },
  { name: 'provider calls', close: () => calls.stop() },
  { name: 'progress', close: () => progress.close() },
  { name: 'partitions', close: async () => partitions.stop() },
  { name: 'database', close: () => pool.end() },
  { name: 'tracing', close: () => tracing.close() },
]);
await listen(app, config);
