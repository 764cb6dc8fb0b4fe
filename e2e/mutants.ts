import { parseRecord, type KafkaRecord } from '@sagamart/contracts/cloud-event';
import { discardRuleOf } from '@sagamart/contracts/discarding';
import { newId, type EventId } from '@sagamart/contracts/ids';
import { contracts, readExamples, type RecordedMessage } from '@sagamart/contracts/recorded';
import type { Topic } from '@sagamart/contracts/topics';
import { CompressionTypes } from 'kafkajs';
import type { SeededRandom } from './long/seeded-random.ts';
import { mutations, one, valueOf, type Draft } from './mutations.ts';
import type { PublishedMessage } from './published-messages.ts';

/** A record to be fed. `copied` of one that a service said itself; any other is to be listed as parked by all who read its topic. */
export type Mutant = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer[]>>;
  readonly id: string;
  readonly isCopied: boolean;
  /** What was done to it, for whoever has to find out why it was not listed. */
  readonly story: string;
};

/** Mutants that travel in one record batch. */
export type Lot = {
  readonly topic: Topic;
  readonly partition: number;
  readonly codec: CompressionTypes;
  readonly mutants: readonly Mutant[];
};

const lotMax = 12;
// A broker takes a batch of 1 MB.
const lotBytesMax = 900_000;
const mutationsMax = 3;
const mutationsGivenUp = 40;
const partitions = 6;
const bombBytes = 6 * 1024 * 1024;
const codecs = [
  ...[CompressionTypes.None, CompressionTypes.None, CompressionTypes.GZIP],
  ...[CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD],
] as const;

/**
 * Draws records that no service said, by chance that can be had again: recorded messages under new ids, each changed until nobody may believe it. What
 * would be believed is not drawn: it would be acted on, and the books would rightly not balance. So most speak of orders and products that do not exist; some,
 * which cannot be read at all, lie under the key of one that does. Among them are copies of what stands on the topics, changed in what nobody compares.
 */
export function openMutants(random: SeededRandom, genuine: readonly PublishedMessage[]): { drawLot: () => Lot } {
  const recorded = contracts.flatMap((contract) => (contract.name === 'headers' ? [] : readExamples(contract)));
  const used: (Pick<Draft, 'topic' | 'key'> & { id: string })[] = [];

  return {
    drawLot: () => {
      const codec = one(codecs, random);
      if (genuine.length > 0 && random.below(12) === 0) return { ...drawCopy(one(genuine, random)), codec };
      const partition = random.below(partitions);
      if (random.below(400) === 0) return { ...drawBomb(), partition, codec: CompressionTypes.GZIP };
      const first = drawForeign();
      const mutants = [first.mutant];
      for (let left = random.below(lotMax); left > 0; left -= 1) {
        const { topic, mutant } = drawForeign();
        const bytes = [...mutants, mutant].reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
        if (topic === first.topic && bytes < lotBytesMax) mutants.push(mutant);
      }
      return { topic: first.topic, partition, codec, mutants };
    },
  };

  function drawForeign(): { topic: Topic; mutant: Mutant } {
    const isUnderGenuineKey = genuine.length > 0 && random.below(10) === 0;
    const message = one(recorded, random);
    const key = isUnderGenuineKey ? genuineKey(message) : null;
    const draft = draftOf(message, key ?? keyLike(message), random);
    const story: string[] = [];
    const changes = 1 + random.below(mutationsMax);
    for (let tried = 0; tried < changes || isBelieved(draft, { isKnown: key !== null }); tried += 1) {
      if (tried > mutationsGivenUp) draft.headers.delete('ce_type');
      const name = one(Object.keys(mutations), random);
      mutations[name]?.(draft, random);
      story.push(name);
    }
    if (used.length > 0 && random.below(30) === 0) {
      const { id, topic, key: itsKey } = one(used, random);
      draft.headers.set('ce_id', [Buffer.from(id)]);
      draft.topic = topic;
      draft.key = itsKey;
      draft.headers.delete('ce_type');
      story.push('it has id, key and topic of another, and no type');
    }
    if (draft.bytes instanceof Buffer) draft.bytes = draft.bytes.subarray(0, lotBytesMax);
    const mutant = mutantOf(draft, `${message.headers['ce_type']}: ${story.join(', ')}`, false);
    if (random.below(10) === 0) used.push({ ...draft, id: mutant.id });
    return { topic: draft.topic, mutant };
  }

  /** Under its own id, where it stands, and with all that the auditor compares: everybody has it already. */
  function drawCopy(message: PublishedMessage): Omit<Lot, 'codec'> {
    const headers = headersOf(message);
    headers.set('traceparent', [Buffer.from(one(['', 'x'.repeat(55), '00-0-0-01'], random))]);
    headers.set('retries', [Buffer.from('1'), Buffer.from([0xff]), Buffer.alloc(random.below(300))]);
    const value = message.value === null ? null : Buffer.from(message.value);
    const key = message.key === null ? null : Buffer.from(message.key);
    const draft = { topic: message.topic as Topic, key, data: null, bytes: value, headers };
    const copies = Array.from({ length: 1 + random.below(3) }, () =>
      mutantOf(draft, `a copy of ${message.place}`, true),
    );
    return { topic: draft.topic, partition: Number(message.place.split(' ')[1]), mutants: copies };
  }

  function drawBomb(): Pick<Lot, 'topic' | 'mutants'> {
    const message = one(recorded, random);
    const draft = draftOf(message, keyLike(message), random);
    draft.bytes = Buffer.alloc(bombBytes, ' ');
    return { topic: draft.topic, mutants: [mutantOf(draft, 'small, and large unpacked', false)] };
  }

  function genuineKey({ topic }: RecordedMessage): string | null {
    const isOfProduct = topic === 'catalog.events';
    const like = genuine.filter((each) => (each.topic === 'catalog.events') === isOfProduct);
    return like.length === 0 ? null : one(like, random).key;
  }
}

/** The recorded message as if it were about something else and said just now. */
function draftOf({ topic, key, headers, data }: RecordedMessage, newKey: string, random: SeededRandom): Draft {
  const renamed = (text: string) => (key === null ? text : text.replaceAll(key, newKey));
  const given = headersOf({ headers });
  for (const [name, [value]] of given) given.set(name, [Buffer.from(renamed(String(value)))]);
  given.set('ce_id', [Buffer.from(newId<EventId>())]);
  given.set('ce_time', [Buffer.from(new Date(Date.now() - random.below(60_000)).toISOString())]);
  const renamedData: unknown = JSON.parse(renamed(JSON.stringify(data)));
  return { topic: topic as Topic, key: Buffer.from(newKey), data: renamedData, bytes: undefined, headers: given };
}

function keyLike({ topic }: RecordedMessage): string {
  return topic === 'catalog.events' ? `MUTANT-${newId().slice(-12).toUpperCase()}` : newId();
}

/** Whether somebody may act on it, or an operator may not give it up. Of an order that nobody knows, the order service believes nothing. */
function isBelieved(draft: Draft, { isKnown }: { isKnown: boolean }): boolean {
  const record = readAsConsumer(draft);
  const parsed = parseRecord(record);
  const type = record.headers['ce_type'] ?? '';
  if (parsed.kind === 'refused') return parsed.reason === 'unknown_major_version' && discardRuleOf(type) !== 'allowed';
  const isHeardByOrderAlone = draft.topic === 'payment.events' || draft.topic === 'notification.events';
  const isNewsOfOrder = parsed.kind === 'known' && /^(stock|payment|notification)\./.test(type);
  return isKnown || !isHeardByOrderAlone || !isNewsOfOrder;
}

function readAsConsumer(draft: Draft): KafkaRecord {
  const headers = [...draft.headers].map(([name, [first]]) => [name, first?.toString()] as const);
  return {
    topic: draft.topic,
    key: draft.key?.toString() ?? null,
    value: valueOf(draft)?.toString() ?? null,
    headers: Object.fromEntries(headers),
  };
}

function mutantOf(draft: Draft, story: string, isCopied: boolean): Mutant {
  const id = readAsConsumer(draft).headers['ce_id'] ?? '';
  return { key: draft.key, value: valueOf(draft), headers: Object.fromEntries(draft.headers), id, isCopied, story };
}

function headersOf({ headers }: Pick<KafkaRecord, 'headers'>): Draft['headers'] {
  const given = Object.entries(headers).filter((each): each is [string, string] => each[1] !== undefined);
  return new Map(given.map(([name, text]) => [name, [Buffer.from(text)]]));
}
