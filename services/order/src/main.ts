import { newId } from '@sagamart/contracts/ids';
import { createBatchHandler } from '@sagamart/service-kit/batch';
import { startConsumer } from '@sagamart/service-kit/consumer';
import { countMessage, observeConsumer } from '@sagamart/service-kit/consumer-metrics';
import { createPool, databaseReadiness } from '@sagamart/service-kit/database';
import { observeDatabase, observeUnfinished } from '@sagamart/service-kit/database-metrics';
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
import { startDeadlineSweeper } from './deadlines.ts';
import { createParticipant, topics } from './messages.ts';
import { readUndecided } from './order-store.ts';

/** A deadline is followed by 15 s of grace; what is undecided after that and a few looks is stuck. */
const overdueSeconds = 20;

const config = readConfig();
const logger = createLogger({ service: 'order', level: config.LOG_LEVEL });
const tracing = await startTracing({ service: 'order', logger });
const clock = { now: () => new Date(), newEventId: newId };
const pool = createPool({ connectionString: config.DATABASE_URL, applicationName: 'order' });
const partitions = await keepPartitions(pool, logger);
const participant = createParticipant(clock);
const evidence = createEvidence();
const handle = createBatchHandler({ pool, participant, logger, evidence, observe: countMessage });
const consumer = startConsumer({ brokers: config.KAFKA_BROKERS.split(','), groupId: 'order', topics, handle, logger });
const progress = createGroupProgress({ brokers: config.KAFKA_BROKERS.split(','), groupId: 'order' });
const deadlines = startDeadlineSweeper({ pool, clock, progress, logger });
const verifier = createTokenVerifier(config);
const app = buildApp({
  pool,
  clock,
  verifier,
  logger,
  readiness: [databaseReadiness(pool), consumerReadiness(consumer, evidence)],
  alarms: [
    parkedAlarm(pool),
    pausedAlarm(evidence),
    outboxAlarm(pool),
    overdueAlarm(() => readUndecided(pool), { order_pending: config.CHECKOUT_DEADLINE / 1_000 + overdueSeconds }),
  ],
  checkoutDeadlineMs: config.CHECKOUT_DEADLINE,
  cancelWindowMs: config.CANCEL_WINDOW,
});
registerParkedRoutes(app, { service: 'order', pool, participant, verifier, logger, evidence });
observeDatabase(pool);
announceEvents('order', logger);
observeConsumer({ consumer, progress, topics });
observeUnfinished(() => readUndecided(pool));

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  { name: 'consumer', close: () => consumer.stop() },
  { name: 'deadlines', close: () => deadlines.stop() },
  { name: 'progress', close: () => progress.close() },
  { name: 'partitions', close: async () => partitions.stop() },
  { name: 'database', close: () => pool.end() },
  { name: 'tracing', close: () => tracing.close() },
]);
await listen(app, config);
