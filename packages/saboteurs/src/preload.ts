import { registerHooks } from 'node:module';
import { createLogger } from '@sagamart/telemetry/logger';
import { alarmTextOf, changedSources, entryPointOf } from './changed-source.ts';
import { findSaboteur } from './saboteurs.ts';

// Node imports this before a service's own first file, when the shop was started with SAGAMART_SABOTEUR.
const saboteur = findSaboteur(process.env['SAGAMART_SABOTEUR'] ?? '');

if (process.argv[1] === entryPointOf(saboteur)) {
  const sources = changedSources(saboteur);
  createLogger({ service: saboteur.where, level: 'warn' }).warn(alarmTextOf(saboteur));
  registerHooks({
    load: (url, context, nextLoad) => {
      const source = sources.get(url);
      return source === undefined
        ? nextLoad(url, context)
        : { format: 'module-typescript', source, shortCircuit: true };
    },
  });
}
