import { cutText } from '@sagamart/contracts/bounds';
import { EventHeaders, type KafkaRecord } from '@sagamart/contracts/cloud-event';

const headerKeptMax = 4_096;
const foreignHeadersMax = 64;
const errorKeptMax = 2_000;
const wordKeptMax = 255;

/**
 * What is kept of the headers of a parked record: those of the contract and the first others, each up to a length that is beyond what is read, so that a
 * header that was refused for its length is refused in a replay too.
 */
export function keptHeaders(headers: KafkaRecord['headers']): Record<string, string> {
  const foreign = Object.keys(headers).filter((name) => !ours.has(name));
  const names = [...ours, ...foreign.slice(0, foreignHeadersMax)].filter((name) => headers[name] !== undefined);
  const left = foreign.length - foreignHeadersMax;
  const kept = names.map((name): [string, string] => [cutText(name, wordKeptMax), keptHeader(headers[name] ?? '')]);
  if (left > 0) kept.push(['…', `${left} more headers are not kept`]);
  return Object.fromEntries(kept);
}

/** Why it was parked, as far as anybody reads on. */
export function keptError(error: string): string {
  return cutText(error, errorKeptMax);
}

/** An id, a type or a key. Ours are shorter; a longer one is foreign, and an index row holds no more than 2.7 kB. */
export function keptWord(text: string): string {
  return cutText(text, wordKeptMax);
}

const ours = new Set(Object.keys(EventHeaders.properties));

function keptHeader(text: string): string {
  return text.length > headerKeptMax ? `${text.slice(0, headerKeptMax)}… (of ${text.length} characters)` : text;
}
