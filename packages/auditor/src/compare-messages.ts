import { counterMax } from '@sagamart/contracts/bounds';
import { isEventType } from '@sagamart/contracts/events';
import { uuidv7TimeMs } from '@sagamart/contracts/ids';
import { serviceNames, topicOwners, type ServiceName, type Topic } from '@sagamart/contracts/topics';
import type { Books, Finding, OutboxRow, TopicRecord } from './books.ts';
import { firstSayings, nextSayings, subscriptions } from './saga-map.ts';

/** Invariant 5: the outbox ids of each service are the event ids in its topics, and each record, repeated ones too, says what its row says. */
export function compareOutboxesWithTopics(books: Books): Finding[] {
  const findings: Finding[] = [];
  const recordsById = Map.groupBy(books.records, ({ id }) => id);
  const rowIds = new Set<string>();
  const foreignIds = foreignEventIds(books);
  for (const service of serviceNames) {
    for (const row of books.messages[service].outbox) {
      rowIds.add(row.id);
      const records = recordsById.get(row.id) ?? [];
      for (const record of records) findings.push(...differences(service, row, record));
      if (records.length === 0 && isHeldByTopic(books, row)) {
        findings.push({
          invariant: 'nothing_lost',
          about: row.key,
          detail: `${service} said ${row.type} (event ${row.id}), but it is not in ${row.topic}`,
        });
      }
    }
  }
  for (const record of firstOccurrences(books.records).values()) {
    const owner = topicOwners[record.topic as Topic];
    if (
      rowIds.has(record.id) ||
      foreignIds.has(record.id) ||
      mintedBefore(record.id, books.messages[owner].outboxHoldsFromMs)
    )
      continue;
    findings.push({
      invariant: 'nothing_lost',
      about: record.key,
      detail: `${record.topic} holds ${record.type} (event ${record.id}, partition ${record.partition}, offset ${record.offset}), but ${owner} never said it`,
    });
  }
  return findings;
}

/** Invariant 6: every event on a topic is in the inbox of each of its readers, or parked there; and nothing else is. Once is what its key allows. */
export function compareInboxesWithTopics(books: Books): Finding[] {
  const findings: Finding[] = [];
  const records = [...firstOccurrences(books.records).values()];
  for (const service of serviceNames) {
    const { inbox, parked, inboxHoldsFromMs } = books.messages[service];
    const heard = new Set(inbox.map(({ id }) => id));
    const parkedIds = new Set(parked.map(({ eventId }) => eventId));
    const topics: readonly string[] = subscriptions[service];
    const meant = new Set<string>();
    for (const record of records) {
      if (!topics.includes(record.topic)) continue;
      meant.add(record.id);
      if (heard.has(record.id) || parkedIds.has(record.id) || mintedBefore(record.id, inboxHoldsFromMs)) continue;
      findings.push({
        invariant: 'nothing_twice',
        about: record.key,
        detail: `${record.type} (event ${record.id}) is missing from the inbox of ${service}`,
      });
    }
    for (const { id, topic, key } of inbox) {
      if (meant.has(id) || mintedBefore(id, books.topicsHoldFromMs[topic as Topic])) continue;
      findings.push({
        invariant: 'nothing_twice',
        about: key,
        detail: `event ${id} is in the inbox of ${service}, but not in ${topic}`,
      });
    }
  }
  return findings;
}

/** Invariant 7: of each key the versions rise by one in the topic, and the types are a path of the published state machine. */
export function compareHistories(books: Books): Finding[] {
  const findings: Finding[] = [];
  const last = new Map<string, TopicRecord>();
  const foreignIds = foreignEventIds(books);
  for (const record of firstOccurrences(books.records).values()) {
    if (foreignIds.has(record.id)) continue;
    const history = `${record.topic} ${record.key}`;
    const before = last.get(history);
    last.set(history, record);
    if (before !== undefined && before.partition !== record.partition) {
      findings.push({
        invariant: 'order_per_key',
        about: record.key,
        detail: `${record.topic}: ${record.type} lies in partition ${record.partition}, what was said before it in ${before.partition}`,
      });
    }
    // What retention has taken cannot be missed: a history may then begin anywhere.
    if (before === undefined && books.topicsHoldFromMs[record.topic as Topic] > 0) continue;
    const expected = (before?.version ?? 0) + 1;
    if (record.version !== expected) {
      findings.push({
        invariant: 'order_per_key',
        about: record.key,
        detail: `${record.topic}: ${record.type} has version ${record.version} where ${expected} was due (event ${record.id})`,
      });
    }
    if (!maySay(before?.type, record.type)) {
      findings.push({
        invariant: 'order_per_key',
        about: record.key,
        detail: `${record.topic}: ${record.type} cannot follow ${before?.type ?? 'nothing'}`,
      });
    }
  }
  return findings;
}

/** Invariant 8: the cause of every event exists, and its Lamport time is lower; where time stands still at its end, the same. */
export function compareCauses(books: Books): Finding[] {
  const findings: Finding[] = [];
  const lamports = new Map<string, number>();
  for (const service of serviceNames)
    for (const row of books.messages[service].outbox) lamports.set(row.id, row.lamport);
  for (const record of books.records) if (!lamports.has(record.id)) lamports.set(record.id, record.lamport);
  const oldestMs = Math.max(...serviceNames.map((service) => books.messages[service].outboxHoldsFromMs));

  for (const service of serviceNames) {
    for (const row of books.messages[service].outbox) {
      const finding = { invariant: 'cause_first', about: row.key } as const;
      if (row.causationId === null) {
        if (row.type === 'order.placed' || row.type === 'product.changed') continue;
        findings.push({ ...finding, detail: `${row.type} (event ${row.id}) names no cause` });
        continue;
      }
      const causeLamport = lamports.get(row.causationId);
      if (causeLamport === undefined) {
        if (mintedBefore(row.causationId, oldestMs)) continue;
        findings.push({
          ...finding,
          detail: `${row.type} (event ${row.id}) was caused by ${row.causationId}, which nobody said`,
        });
      } else if (row.lamport <= causeLamport && row.lamport !== counterMax) {
        findings.push({
          ...finding,
          detail: `${row.type} (event ${row.id}) has Lamport time ${row.lamport}, its cause ${causeLamport}`,
        });
      }
    }
  }
  return findings;
}

/** Debezium and Kafka deliver at least once; to a reader only the first occurrence of an id counts. */
function firstOccurrences(records: readonly TopicRecord[]): Map<string, TopicRecord> {
  const first = new Map<string, TopicRecord>();
  for (const record of records) if (!first.has(record.id)) first.set(record.id, record);
  return first;
}

/** What was parked and no service said: it has no place in any history. What a service said keeps its place, parked or not. */
function foreignEventIds(books: Books): Set<string> {
  const ids = new Set<string>();
  for (const service of serviceNames) for (const { eventId } of books.messages[service].parked) ids.add(eventId);
  for (const service of serviceNames) for (const { id } of books.messages[service].outbox) ids.delete(id);
  return ids;
}

function differences(service: ServiceName, row: OutboxRow, record: TopicRecord): Finding[] {
  const fields = ['topic', 'key', 'type', 'source', 'version', 'lamport', 'causationId', 'digest'] as const;
  return fields
    .filter((field) => row[field] !== record[field])
    .map((field) => ({
      invariant: 'nothing_lost',
      about: row.key,
      detail: `${service} wrote ${field} ${String(row[field])} of ${row.type} (event ${row.id}), but the record in ${record.topic} says ${String(record[field])}`,
    }));
}

function isHeldByTopic(books: Books, row: OutboxRow): boolean {
  return !mintedBefore(row.id, books.topicsHoldFromMs[row.topic as Topic]);
}

function mintedBefore(id: string, moment: number): boolean {
  return uuidv7TimeMs(id) < moment;
}

function maySay(before: string | undefined, type: string): boolean {
  if (before === undefined) return firstSayings.has(type);
  return isEventType(before) && (nextSayings[before] as readonly string[]).includes(type);
}
