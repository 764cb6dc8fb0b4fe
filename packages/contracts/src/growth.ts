import { isDeepStrictEqual } from 'node:util';

/** A JSON Schema as it is written down. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What others read of a schema of this code: plain JSON. */
export function jsonSchemaOf(schema: object): JsonSchema {
  return JSON.parse(JSON.stringify(schema)) as JsonSchema;
}

/**
 * Why readers and writers of the two schemas do not understand each other, one line a place; empty when `after` is `before` and perhaps
 * more: a contract grows by optional fields, and by nothing else. What only explains (title, description, examples) may change.
 */
export function breachesOfGrowth(before: JsonSchema, after: JsonSchema, at = ''): string[] {
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keywords].flatMap((keyword) => {
    const [was, is] = [before[keyword], after[keyword]];
    const place = `${at}/${keyword}`;
    if (explaining.has(keyword)) return [];
    if (keyword === 'properties' && isObject(was) && isObject(is)) {
      return propertyBreaches(was, is, { at: place, isClosed: before['additionalProperties'] === false });
    }
    if (keyword === 'items' && isObject(was) && isObject(is)) return breachesOfGrowth(was, is, place);
    if (keyword === 'anyOf' && Array.isArray(was) && Array.isArray(is) && was.length === is.length) {
      return was.flatMap((each: JsonSchema, n) => breachesOfGrowth(each, is[n] as JsonSchema, `${place}/${n}`));
    }
    return isDeepStrictEqual(sorted(was), sorted(is)) ? [] : [`${place} was ${wordsOf(was)}, is ${wordsOf(is)}`];
  });
}

const explaining = new Set(['title', 'description', 'examples']);

function propertyBreaches(was: JsonSchema, is: JsonSchema, { at, isClosed }: { at: string; isClosed: boolean }) {
  const kept = Object.entries(was).flatMap(([name, schema]) => {
    const now = is[name];
    if (!isObject(now)) return [`${at}/${name} is gone`];
    return breachesOfGrowth(schema as JsonSchema, now, `${at}/${name}`);
  });
  const added = Object.keys(is).filter((name) => isClosed && !(name in was));
  return [...kept, ...added.map((name) => `${at}/${name} is new where readers allow nothing new`)];
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The lists left to compare are sets: required fields and words. */
function sorted(value: unknown): unknown {
  return Array.isArray(value) ? value.toSorted() : value;
}

function wordsOf(value: unknown): string {
  return value === undefined ? 'not there' : JSON.stringify(value);
}
