import { newId } from '@sagamart/contracts/ids';
import { topicOwners, type Topic } from '@sagamart/contracts/topics';
import type { SeededRandom } from './long/seeded-random.ts';

/** A record on its way to becoming something else. Its value is `data` as JSON, unless it has `bytes`. */
export type Draft = {
  topic: Topic;
  key: Buffer | null;
  data: unknown;
  bytes: Buffer | null | undefined;
  /** Each header with its values, for a name may be repeated. */
  headers: Map<string, Buffer[]>;
};

export type Mutation = (draft: Draft, random: SeededRandom) => void;

/** The value as it will stand on the topic. */
export function valueOf({ data, bytes }: Draft): Buffer | null {
  return bytes === undefined ? Buffer.from(JSON.stringify(data) ?? '') : bytes;
}

const textsOdd = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\u0001\u001f\u007f',
    '\u202e',
    '\u20ac',
    '\u{1f4b8}'.repeat(64),
    'x'.repeat(255),
    'x'.repeat(256),
  ],
  ...[
    'x'.repeat(5_000),
    'null',
    'true',
    '-1',
    '0',
    '00',
    '1.5',
    '1e400',
    '9'.repeat(40),
    'NaN',
    "'; drop table orders; --",
    '{"a":1}',
  ],
  ...[
    '00000000-0000-0000-0000-000000000000',
    '../../etc/passwd',
    '%00',
    '$1',
    'application/xml',
    '2026-02-30T00:00:00.000Z',
  ],
  ...[
    '9999-12-31T23:59:59.999Z',
    '-000001-01-01T00:00:00.000Z',
    'order.placed',
    'order.cancelled',
    'payment.captured',
    'order.Placed',
  ],
] as const;
const bytesOdd = [
  [0xff, 0xfe],
  [0xc3, 0x28],
  [0xed, 0xa0, 0x80],
  [0, 0, 0, 0],
  [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
  [0x80],
] as const;
const numbersOdd = [-1, 0, 1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 999_999_999_999, 1_000_000_000_000] as const;
const namesOdd = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'CE_ID',
  'ce_',
  '\0',
  'n'.repeat(500),
  'trac\u00e9parent',
] as const;
const texts = [
  'null',
  '[]',
  '{}',
  '0',
  '""',
  'NaN',
  '',
  ' ',
  '{"orderId":',
  '[[[[',
  '\ufeff{}',
  "{'a':1}",
  '{"a":1}{"b":2}',
] as const;
const headersMany = [50, 101, 101, 1_000] as const;

/** Everything that may happen to a record, by name; what is rare because it is large is drawn less often. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'a header is missing': (draft, random) => void draft.headers.delete(headerOf(draft, random)),
  'a header is odd': (draft, random) => set(draft, headerOf(draft, random), oddBytes(random)),
  'a header is empty': (draft, random) => set(draft, headerOf(draft, random), Buffer.alloc(0)),
  'a header is repeated': (draft, random) => {
    const name = headerOf(draft, random);
    const values = [...(draft.headers.get(name) ?? []), oddBytes(random)];
    draft.headers.set(name, random.shuffled(values));
  },
  'a header has the name of another': (draft, random) =>
    set(draft, headerOf(draft, random), draft.headers.get(headerOf(draft, random))?.[0] ?? Buffer.alloc(0)),
  'a header is written in capitals': (draft, random) => {
    const name = headerOf(draft, random);
    draft.headers.set(name.toUpperCase(), draft.headers.get(name) ?? []);
    draft.headers.delete(name);
  },
  'there is a strange header': (draft, random) => set(draft, one(namesOdd, random), oddBytes(random)),
  'there are many headers': (draft, random) => {
    for (let left = one(headersMany, random); left > 0; left -= 1) set(draft, `retry-${left}`, Buffer.from('x'));
  },
  'the id is none of ours': (draft, random) => {
    const hex = (ms: number) =>
      `${ms.toString(16).padStart(12, '0').slice(0, 8)}-${ms.toString(16).padStart(12, '0').slice(8)}`;
    const rest = newId().slice(13);
    const dayMs = 86_400_000;
    const ids = [
      ...[newId().toUpperCase(), newId().replace('-7', '-4'), newId().replaceAll('-', ''), `{${newId()}}`, ''],
      ...[1, 2 ** 48 - 1, Date.now() - 20 * dayMs, Date.now() + 2 * dayMs].map((ms) => `${hex(ms)}${rest}`),
    ];
    set(draft, 'ce_id', Buffer.from(one(ids, random)));
  },
  'a counter is odd': (draft, random) =>
    set(draft, one(['ce_lamport', 'ce_aggregateversion'], random), Buffer.from(String(one(numbersOdd, random)))),
  'it claims a version of the future': (draft) =>
    set(draft, 'ce_dataschema', Buffer.from(`${String(draft.headers.get('ce_dataschema')?.[0])}2`)),
  'a field is missing': (draft, random) => atField(draft, random, (parent, name) => void delete parent[name]),
  'a field is an odd text': (draft, random) =>
    atField(draft, random, (parent, name) => void (parent[name] = one(textsOdd, random))),
  'a field is an odd number': (draft, random) =>
    atField(draft, random, (parent, name) => void (parent[name] = one(numbersOdd, random))),
  'a field is of another type': (draft, random) =>
    atField(draft, random, (parent, name) => void (parent[name] = one([null, true, [], {}, [[]], parent], random))),
  'a field is a list of many': (draft, random) =>
    atField(draft, random, (parent, name) => void (parent[name] = Array.from({ length: 60 }, () => parent[name]))),
  'a field lies deep': (draft, random) =>
    atField(draft, random, (parent, name) => {
      for (let left = one([5, 20, 300], random); left > 0; left -= 1) parent[name] = { [name]: parent[name] };
    }),
  'there is a strange field': (draft, random) =>
    atField(draft, random, (parent) =>
      Object.defineProperty(parent, one(namesOdd, random), { value: 1, enumerable: true }),
    ),
  'the value is nothing': (draft) => void (draft.bytes = null),
  'the value is another text': (draft, random) => void (draft.bytes = Buffer.from(one(texts, random))),
  'the value is bytes': (draft, random) =>
    void (draft.bytes = Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)))),
  'the value is cut off': (draft, random) => {
    const value = valueOf(draft) ?? Buffer.alloc(1);
    draft.bytes = value.subarray(0, random.below(value.length + 1));
  },
  'a bit of the value is another': (draft, random) => {
    const value = Buffer.from(valueOf(draft) ?? '');
    if (value.length === 0) return;
    const at = random.below(value.length);
    value.writeUInt8((value[at] ?? 0) ^ (1 << random.below(8)), at);
    draft.bytes = value;
  },
  'a field stands twice': (draft, random) => {
    const text = (valueOf(draft) ?? '').toString();
    const [, field = '"a":'] = /^\{("\w+":)/.exec(text) ?? [];
    draft.bytes = Buffer.from(text.replace('{', `{${field}${one(texts.slice(0, 5), random)},`));
  },
  'the value is encoded otherwise': (draft, random) => {
    const text = (valueOf(draft) ?? '').toString();
    const encoded = [Buffer.from(text, 'utf16le'), Buffer.from(`\ufeff${text}`), Buffer.from(text).toString('base64')];
    draft.bytes = Buffer.from(one(encoded, random));
  },
  'there is a control byte in it': (draft, random) => {
    const value = valueOf(draft) ?? Buffer.alloc(0);
    const at = random.below(value.length + 1);
    draft.bytes = Buffer.concat([value.subarray(0, at), Buffer.from([random.below(32)]), value.subarray(at)]);
  },
  'it is long': (draft, random) => {
    const character = one([' ', '[', '9', '\u20ac'], random);
    draft.bytes = Buffer.concat([
      valueOf(draft) ?? Buffer.alloc(0),
      Buffer.from(character.repeat(one(longLengths, random))),
    ]);
  },
  'the key is another': (draft, random) =>
    void (draft.key = one(
      [null, Buffer.alloc(0), Buffer.from(newId()), oddBytes(random), Buffer.alloc(10_000, 'k')],
      random,
    )),
  'it stands on another topic': (draft, random) =>
    void (draft.topic = one(Object.keys(topicOwners) as Topic[], random)),
};

// The longest alone is longer than what is read, and three times that is less than a broker takes.
const longLengths = [...Array<number>(12).fill(1_000), ...Array<number>(6).fill(10_000), 50_000, 280_000];

/** One of these, by chance. */
export function one<T>(items: readonly [T, ...T[]] | readonly T[], random: SeededRandom): T {
  return random.one<T>(items);
}

function oddBytes(random: SeededRandom): Buffer {
  return random.below(3) === 0
    ? Buffer.from(one<readonly number[]>(bytesOdd, random))
    : Buffer.from(one(textsOdd, random));
}

function headerOf({ headers }: Draft, random: SeededRandom): string {
  const names = [...headers.keys()];
  return names.length === 0 ? 'ce_id' : one(names, random);
}

function set(draft: Draft, name: string, value: Buffer): void {
  draft.headers.set(name, [value]);
}

type Parent = Record<string, unknown>;

/** Changes data at one of its fields, at whatever depth; does nothing to data that has none. */
function atField(draft: Draft, random: SeededRandom, change: (parent: Parent, name: string) => void): void {
  if (draft.bytes !== undefined) return;
  const data: unknown = JSON.parse(JSON.stringify(draft.data));
  const fields = fieldsOf(data);
  if (fields.length === 0) return;
  const [parent, name] = one(fields, random);
  change(parent, name);
  // A field that holds itself is no JSON.
  if (isJson(data)) draft.data = data;
}

function fieldsOf(value: unknown): [Parent, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const parent = value as Parent;
  return Object.keys(parent).flatMap((name) => [[parent, name] as [Parent, string], ...fieldsOf(parent[name])]);
}

function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}
