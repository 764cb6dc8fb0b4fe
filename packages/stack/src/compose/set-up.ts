import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLogger } from '@sagamart/telemetry/logger';
import { databaseServices } from '../addresses.ts';
import { createTopics } from '../kafka.ts';
import { prepareDatabase } from '../postgres.ts';
import { ensureSessionKeys } from '../session-keys.ts';
import { readSettings, valueOf } from '../settings.ts';

// The container `set-up`: makes what the others find ready, then ends. Every `up` runs it again; it changes only what is missing or new.
const settings = readSettings();
const logger = createLogger({ service: 'set-up', level: valueOf(settings, 'LOG_LEVEL') });
const keys = valueOf(settings, 'SESSION_KEYS_FILE');

mkdirSync(dirname(keys), { recursive: true });
await Promise.all([
  ensureSessionKeys(keys),
  createTopics(settings, (detail) => logger.info({ part: 'kafka' }, detail)),
  ...databaseServices.map((service) =>
    prepareDatabase(settings, service, (detail) => logger.info({ part: `${service}-db` }, detail)),
  ),
]);
logger.info('databases, topics and session keys are ready');
