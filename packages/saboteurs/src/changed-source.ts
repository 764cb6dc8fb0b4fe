import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Change, Saboteur } from './saboteur.ts';

const root = join(import.meta.dirname, '../../..');

/** The entry point of the service that goes without its protection. */
export function entryPointOf({ where }: Saboteur): string {
  return join(root, 'services', where, 'src/main.ts');
}

/** The source of each file that a saboteur changes, by the file's URL. Throws unless what is removed stands there exactly once. */
export function changedSources(saboteur: Saboteur): Map<string, string> {
  const changes = [...(saboteur.changes ?? []), alarmOf(saboteur)];
  const byFile = Map.groupBy(changes, ({ file }) => join(root, file));
  return new Map([...byFile].map(([path, ofFile]) => [pathToFileURL(path).href, changedSource(path, ofFile)]));
}

/** What the saboteur says for itself wherever alarms are looked at. */
export function alarmTextOf({ name, removes }: Saboteur): string {
  return `SABOTEUR ${name}: ${removes}`;
}

function changedSource(path: string, changes: readonly Change[]): string {
  let source = readFileSync(path, 'utf8');
  for (const { remove, instead } of changes) {
    const found = source.split(remove).length - 1;
    if (found !== 1)
      throw new Error(`expected exactly once in ${path}, found ${found} times; let the saboteur follow it:\n${remove}`);
    source = source.replace(remove, () => instead);
  }
  return source;
}

function alarmOf(saboteur: Saboteur): Change {
  const alarm = `{ name: 'saboteur', check: () => ${JSON.stringify(alarmTextOf(saboteur))} }`;
  return {
    file: 'packages/service-kit/src/http-app.ts',
    remove: 'faultsOf(alarms)',
    instead: `faultsOf([...alarms, ${alarm}])`,
  };
}
