import { randomUUID } from 'node:crypto';
import { listen } from '@sagamart/service-kit/http-app';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { createLogger } from '@sagamart/telemetry/logger';
import { startTracing } from '@sagamart/telemetry/tracing';
import { buildApp } from './app.ts';
import { createBadDays } from './bad-days.ts';
import { readConfig } from './config.ts';
import { openLedger } from './ledger.ts';

const config = readConfig();
const logger = createLogger({ service: 'psp-simulator', level: config.LOG_LEVEL });
const tracing = await startTracing({ service: 'psp-simulator', logger });
const ledger = openLedger(config.LEDGER_FILE);
const app = buildApp({
  logger,
  ledger,
  apiKey: config.PSP_API_KEY,
  now: () => new Date(),
  newCaptureId: () => `cap_${randomUUID()}`,
  newRefundId: () => `ref_${randomUUID()}`,
  badDays: createBadDays(Math.random),
  slowAnswerMs: 3_000,
});

closeOnSignal(logger, [
  { name: 'http', close: () => app.close() },
  { name: 'ledger', close: () => ledger.close() },
  { name: 'tracing', close: () => tracing.close() },
]);
await listen(app, config);
