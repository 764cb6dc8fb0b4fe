import { createHttpApp, listen } from '@sagamart/service-kit/http-app';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { createLogger } from '@sagamart/telemetry/logger';
import { registerConnectors } from '../connect.ts';
import { watchConnectors } from '../connector-watch.ts';
import { readSettings, valueOf } from '../settings.ts';

// The container `connector-watch`: registers the connectors, restarts what FAILED, and is unhealthy, with the reason, while a slot stalls.
const settings = readSettings();
const logger = createLogger({ service: 'connector-watch', level: valueOf(settings, 'LOG_LEVEL') });
const stopping = new AbortController();
let trouble: string | null = 'the connectors are being registered';

const app = createHttpApp({ logger, readiness: [{ name: 'connectors', check: () => trouble }] });
closeOnSignal(logger, [
  { name: 'watch', close: async () => stopping.abort() },
  { name: 'http', close: () => app.close() },
]);
await listen(app, { HOST: '127.0.0.1', PORT: Number(valueOf(settings, 'PORT')) });
await registerConnectors(settings, (detail) => logger.info(detail));
trouble = null;
await watchConnectors(
  settings,
  {
    // What runs is Docker's business; a database that does not answer is logged and judged when it does.
    isRunning: () => true,
    log: (line) => logger.warn(line),
    setAlarm: (alarm) => {
      if ((alarm ?? null) !== trouble) logger.error({ alarm }, alarm === undefined ? 'alarm is over' : 'alarm');
      trouble = alarm ?? null;
    },
  },
  stopping.signal,
);
