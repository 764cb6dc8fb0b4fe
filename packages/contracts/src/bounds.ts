import { minorMax } from './money.ts';

/**
 * How much a message may bring along. Its schema says what it must be; these bounds say how much of it is read, so that whatever is believed can also be
 * kept, indexed, and repeated in what we say. They stand beside the schemas, which only grow, and what we say keeps them too: whatever comes in, what
 * goes out is read by all who handle it.
 */

/** The longest header that is read, in bytes of UTF-8. Ours are ids, names and one address. */
export const headerBytesMax = 255;

/**
 * The highest Lamport time and version. Nobody counts that far: what comes from outside is refused beyond it, and our own time stands still when it gets
 * there, so that what we say can always be read.
 */
export const counterMax = 999_999_999_999;

/** The most data of an event, in bytes of JSON. The largest we say, fifty lines of the longest names, is a third of it; a broker takes four times as much. */
export const dataBytesMax = 262_144;

/** The longest texts in data, in UTF-16 code units, by the field they stand in. */
export const textLengthMax = {
  name: 255,
  email: 320,
  captureId: 255,
  refundId: 255,
  messageId: 255,
  declineReason: 500,
  /** Of any other field, also of one that this build does not know. */
  other: 4_000,
} as const;

/** The deepest nesting of data: the readers and keepers of JSON are recursive. */
export const depthMax = 16;

/** What a number may be, by its field, where a schema says less: tables hold it as PostgreSQL's integer, and nothing is sold for nothing. */
export const numberBounds: Readonly<Record<string, { readonly min: number; readonly max: number }>> = {
  version: { min: 1, max: 2_147_483_647 },
  available: { min: 0, max: 2_147_483_647 },
  totalMinor: { min: 1, max: minorMax },
  amountMinor: { min: 1, max: minorMax },
};

/** Why a header may not be read: undefined when it may. */
export function headerBreach(text: string): string | undefined {
  if (Buffer.byteLength(text) > headerBytesMax) return `is longer than ${headerBytesMax} bytes`;
  return keepingBreach(text);
}

/** What of parsed data is beyond its bound, and where; undefined when all is within. */
export function dataBreach(value: unknown, path: readonly string[] = []): string | undefined {
  const breach = breachOf(value, path);
  if (breach !== undefined) return `/${path.join('/')} ${breach}`;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = keepingBreach(name) ?? dataBreach(inner, [...path, name.slice(0, nameShownMax)]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a time in the form of `Time` is a moment that every calendar has: no 30th of February, nothing before 1970. */
export function isMoment(time: string): boolean {
  const ms = Date.parse(time);
  return ms >= 0 && new Date(ms).toISOString() === time;
}

/** A text from outside that need not be believed word for word, made fit to keep and to say: cut to `lengthMax` UTF-16 code units. */
export function cutText(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).toWellFormed().replaceAll('\0', '\uFFFD');
}

const nameShownMax = 40;
const timeForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

function breachOf(value: unknown, path: readonly string[]): string | undefined {
  if (path.length > depthMax) return `lies deeper than ${depthMax}`;
  const field = path.at(-1) ?? '';
  const bounds = typeof value === 'number' && Object.hasOwn(numberBounds, field) ? numberBounds[field] : undefined;
  if (bounds !== undefined && !(Number(value) >= bounds.min && Number(value) <= bounds.max))
    return `is not between ${bounds.min} and ${bounds.max}`;
  if (typeof value !== 'string') return undefined;
  const lengthMax = Object.hasOwn(textLengthMax, field)
    ? textLengthMax[field as keyof typeof textLengthMax]
    : textLengthMax.other;
  if (value.length > lengthMax) return `is longer than ${lengthMax} characters`;
  if (timeForm.test(value) && !isMoment(value)) return 'is not a moment';
  return keepingBreach(value);
}

/** PostgreSQL's text has no place for these. */
function keepingBreach(text: string): string | undefined {
  return text.includes('\0') || !text.isWellFormed() ? 'holds a NUL character or half of one' : undefined;
}
