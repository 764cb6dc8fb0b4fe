import { createHttpApp, listen } from '@sagamart/service-kit/http-app';
import { closeOnSignal } from '@sagamart/service-kit/shutdown';
import { createLogger } from '@sagamart/telemetry/logger';
import { registerConnectors } from '../connectors.ts';
import type { Part, Sight } from '../part.ts';
import { type WatchedPart, watchParts } from '../part-watch.ts';
import { shopParts } from '../parts.ts';
import { readSettings, valueOf } from '../settings.ts';
import type { Sights } from './part-sights.ts';

// The container `connector-watch`: registers the connectors and restarts what FAILED, looks at every part as a supervisor does without containers, and tells
// at /sights what it sees. It is unhealthy itself, with the reason, while a connector or its slot stalls.
const settings = readSettings();
const logger = createLogger({ service: 'connector-watch', level: valueOf(settings, 'LOG_LEVEL') });
const stopping = new AbortController();
const sights: Sights = {};
let isRegistered = false;

const readiness = {
  name: 'connectors',
  check: () => {
    if (!isRegistered) return 'the connectors are being registered';
    return sights.connect?.state === 'unhealthy' ? sights.connect.words.join('; ') : null;
  },
};
const app = createHttpApp({ logger, readiness: [readiness] });
app.get('/sights', () => sights);
closeOnSignal(logger, [
  { name: 'watch', close: async () => stopping.abort() },
  { name: 'http', close: () => app.close() },
]);
await listen(app, { HOST: '127.0.0.1', PORT: Number(valueOf(settings, 'PORT')) });
const watching = watchParts(shopParts(settings).map(watched), stopping.signal);
await registerConnectors(settings, (detail) => logger.info(detail));
isRegistered = true;
await watching;

/** What runs is Docker's business: every part is asked, and the status of the shop leaves out what is known to be down. */
function watched(part: Part): WatchedPart {
  const probe = async (): Promise<Sight> => {
    await part.probe();
    return { state: 'running', words: [] };
  };
  return {
    look: async () => (part.name === 'connect' && !isRegistered ? undefined : (part.look?.(true) ?? probe())),
    see: (sight) => note(part.name, sight),
    everyMs: part.lookEveryMs,
  };
}

function note(name: string, sight: Sight | undefined): void {
  const before = sights[name];
  if (sight === undefined) return;
  const since = before?.state === sight.state ? before.since : new Date().toISOString();
  if (before?.state !== sight.state && (before !== undefined || sight.state !== 'running'))
    logger.warn({ part: name, state: sight.state, words: sight.words }, 'a part is seen in another state');
  sights[name] = { ...sight, since };
}
