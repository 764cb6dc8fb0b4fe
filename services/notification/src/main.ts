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
import { startWorker } from '@sagamart/service-kit/worker';
import { createLogger } from '@sagamart/telemetry/logger';
import { startTracing } from '@sagamart/telemetry/tracing';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { createDelivery, deliveriesAtOnce } from './delivery.ts';
import { findEscalations, readUntold } from './escalation-store.ts';
import { mailAlarm } from './mail-alarm.ts';
import { createParticipant, topics } from './messages.ts';
import { createMailer } from './smtp.ts';

/** How late a mail whose pause has ended may be tried; a new one is tried at once. */
const deliveryIdleMs = 500;

/** A mail server that takes mails takes one within seconds. */
const overdueSeconds = 15;

const config = readConfig();
const logger = createLogger({ service: 'notification', level: config.LOG_LEVEL });
const tracing = await startTracing({ service: 'notification', logger });
const clock = { now: () => new Date(), newEventId: newId };
const pool = createPool({ connectionString: config.DATABASE_URL, applicationName: 'notification' });
const partitions = await keepPartitions(pool, logger);
const mailer = createMailer({ url: config.SMTP_URL, from: config.MAIL_FROM });
const deliveries = Array.from({ length: deliveriesAtOnce }, () =>
  startWorker({
    name: 'delivery',
    idleMs: deliveryIdleMs,
    work: createDelivery({ pool, mailer, clock, logger }),
    logger,
  }),
);
const committed = () => deliveries.forEach(({ nudge }) => nudge());
const participant = createParticipant({ clock, committed });
const evidence = createEvidence();
const handle = createBatchHandler({ pool, participant, logger, evidence, observe: countMessage });
const consumer = startConsumer({
  brokers: config.KAFKA_BROKERS.split(','),
  groupId: 'notification',
  topics,
  handle,
  logger,
});
const progress = createGroupProgress({ brokers: config.KAFKA_BROKERS.split(','), groupId: 'notification' });
const verifier = createTokenVerifier(config);
const app = buildApp({
  pool,
  clock,
  committed,
  verifier,
  logger,
  readiness: [databaseReadiness(pool), consumerReadiness(consumer, evidence)],
  alarms: [
    mailAlarm(pool),
    parkedAlarm(pool),
    pausedAlarm(evidence),
    outboxAlarm(pool),
    overdueAlarm(() => readUntold(pool), { notification_pending: overdueSeconds }),
  ],
});
registerParkedRoutes(app, { service: 'notification', pool, participant, verifier, logger, evidence });
observeDatabase(pool);
announceEvents('notification', logger);
observeConsumer({ consumer, progress, topics });
observeUnfinished(() => readUntold(pool));
observeEscalated(async () => (await findEscalations(pool))?.mails ?? 0);

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  { name: 'consumer', close: () => consumer.stop() },
  { name: 'deliveries', close: () => Promise.all(deliveries.map(({ stop }) => stop())) },
  { name: 'mailer', close: async () => mailer.close() },
  { name: 'progress', close: () => progress.close() },
  { name: 'partitions', close: async () => partitions.stop() },
  { name: 'database', close: () => pool.end() },
  { name: 'tracing', close: () => tracing.close() },
]);
await listen(app, config);
