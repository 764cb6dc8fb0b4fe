import { Problem, type FieldError } from './problem.ts';

/**
 * Parses a request body. Refuses what JSON or PostgreSQL cannot hold with a Problem 400: bytes that are not UTF-8, anything but JSON,
 * the NUL character and half surrogate pairs (both named by pointer), `__proto__` keys, and nesting deeper than any schema here.
 */
export function parseJsonBody(bytes: Buffer): unknown {
  const text = decode(bytes);
  const value = parse(text);
  if (text.includes('\\u') || text.includes('__proto__') || nestingMayBeDeep(text)) refuseWhatCannotBeStored(value);
  return value;
}

const nestingMax = 32;

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Problem({ status: 400, code: 'invalid_json', detail: 'The body is not valid UTF-8.', cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Problem({ status: 400, code: 'invalid_json', detail: 'The body is not valid JSON.', cause });
  }
}

function nestingMayBeDeep(text: string): boolean {
  let openings = 0;
  for (const character of text) if ((character === '[' || character === '{') && ++openings > nestingMax) return true;
  return false;
}

function refuseWhatCannotBeStored(body: unknown): void {
  const errors: FieldError[] = [];
  const open: { pointer: string; value: unknown; depth: number }[] = [{ pointer: '', value: body, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { pointer, value, depth } = next;
    if (typeof value === 'string' && !isStorable(value))
      errors.push({ pointer, detail: 'must not contain the NUL character or half a surrogate pair' });
    if (typeof value !== 'object' || value === null) continue;
    if (depth === nestingMax)
      throw new Problem({
        status: 400,
        code: 'invalid_json',
        detail: `The body is nested deeper than ${nestingMax} levels.`,
      });
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__') {
        throw new Problem({ status: 400, code: 'invalid_json', detail: 'The body has a field named __proto__.' });
      }
      if (!isStorable(key))
        errors.push({ pointer, detail: 'has a field whose name contains the NUL character or half a surrogate pair' });
      open.push({
        pointer: `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        value: inner,
        depth: depth + 1,
      });
    }
  }
  if (errors.length > 0)
    throw new Problem({
      status: 400,
      code: 'invalid_request',
      detail: 'The body holds text that cannot be stored.',
      errors: errors.slice(0, 20),
    });
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
