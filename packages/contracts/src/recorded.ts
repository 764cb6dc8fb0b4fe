import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EventHeaders, type KafkaRecord } from './cloud-event.ts';
import { eventTypes } from './events.ts';
import { jsonSchemaOf, type JsonSchema } from './growth.ts';

/** A message as it once stood on a topic; its data is parsed. */
export type RecordedMessage = Omit<KafkaRecord, 'value'> & { readonly data: unknown };

export type Contract = { readonly name: string; readonly major: number; readonly schema: JsonSchema };

/** What the services of this build agree on: the headers of all events, and the data of each. */
export const contracts: readonly Contract[] = [
  { name: 'headers', major: 1, schema: jsonSchemaOf(EventHeaders) },
  ...Object.entries(eventTypes).map(([name, { major, data }]) => ({ name, major, schema: jsonSchemaOf(data) })),
];

/** The schemas that a contract had since its major version began, the first one first. */
export function readRevisions({ name, major }: Pick<Contract, 'name' | 'major'>): JsonSchema[] {
  const revisions: JsonSchema[] = [];
  while (existsSync(revisionFile({ name, major }, revisions.length)))
    revisions.push(readJson(revisionFile({ name, major }, revisions.length)) as JsonSchema);
  return revisions;
}

/** Keeps today's schema as the next revision of its contract, and says in which file. */
export function writeRevision(contract: Contract): string {
  return writeJson(revisionFile(contract, readRevisions(contract).length), contract.schema);
}

/** Every message recorded of a major version of an event. */
export function readExamples({ name, major }: Pick<Contract, 'name' | 'major'>): RecordedMessage[] {
  const files = globSync(join(folder, 'examples', name, String(major), '*.json')).toSorted();
  return files.map((file) => readJson(file) as RecordedMessage);
}

/** Keeps a message under the name of the form that it shows, and says in which file. */
export function writeExample({ name, major }: Contract, form: string, message: RecordedMessage): string {
  return writeJson(join(folder, 'examples', name, String(major), `${form}.json`), message);
}

const folder = join(import.meta.dirname, '..');

function revisionFile({ name, major }: Pick<Contract, 'name' | 'major'>, revision: number): string {
  return join(folder, 'schemas', name, `${major}.${revision}.json`);
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file: string, value: unknown): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  return file;
}
