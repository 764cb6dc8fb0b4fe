import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jaegerPart } from './jaeger.ts';
import { jaegerProgram } from './jaeger-program.ts';
import type { Part, Say } from './part.ts';
import { prometheusPart } from './prometheus.ts';
import { prometheusPrograms } from './prometheus-programs.ts';
import type { Settings } from './settings.ts';
import { StackProblem } from './stack-problem.ts';

/** What a shop can do without: fetched and remembered when somebody adds it, part of every start of this home from then on. */
const optionalParts: Record<
  'jaeger' | 'prometheus',
  {
    readonly part: (settings: Settings) => Part;
    readonly fetch: (settings: Settings, say: Say, signal: AbortSignal) => Promise<unknown>;
  }
> = {
  jaeger: { part: jaegerPart, fetch: jaegerProgram },
  prometheus: { part: prometheusPart, fetch: prometheusPrograms },
};

type OptionalName = keyof typeof optionalParts;

/** The parts that were added to this shop. */
export function addedParts(settings: Settings): Part[] {
  return readAdded(settings).map((name) => optionalParts[name].part(settings));
}

/** Fetches what the part needs, and remembers it: the next start brings it up too. */
export async function addPart(
  settings: Settings,
  name: string | undefined,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  if (!isOptional(name))
    throw new StackProblem(
      'no_such_part',
      `Expected one of these to be added: ${Object.keys(optionalParts).join(', ')}.`,
    );
  await optionalParts[name].fetch(settings, say, signal);
  writeFileSync(memory(settings), JSON.stringify([...new Set([...readAdded(settings), name])]));
}

/** Whether a part was added to this shop. */
export function isAdded(settings: Settings, name: OptionalName): boolean {
  return readAdded(settings).includes(name);
}

function readAdded(settings: Settings): OptionalName[] {
  const file = memory(settings);
  const names = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [];
  return names.filter(isOptional);
}

function memory(settings: Settings): string {
  return join(settings.home, 'added-parts.json');
}

function isOptional(name: string | undefined): name is OptionalName {
  return name !== undefined && Object.hasOwn(optionalParts, name);
}
