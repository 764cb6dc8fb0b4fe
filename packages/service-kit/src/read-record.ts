import { parseRecord, type Envelope } from '@sagamart/contracts/cloud-event';
import { isInsideInboxWindow, type InboxEntry } from './inbox.ts';
import { keptWord } from './kept-record.ts';
import type { ConsumedRecord } from './parked.ts';

/** A record that holds an event, known or not. */
export type Readable = { kind: 'readable'; record: ConsumedRecord; event: Envelope & { readonly type: string } };

/** What a record turned out to be. One that is refused is parked, with its inbox mark where it can have one. */
export type Read = Readable | Refused;

type Refused = {
  kind: 'refused';
  record: ConsumedRecord;
  reason: string;
  detail: string;
  inboxEntry: InboxEntry | null;
};

/**
 * Reads a record. An id outside the window gets no inbox row: the inbox has no partition for it and could not dedupe it. The window lies around the time at
 * which the broker appended the record, so that a reader whose clock is wrong does not refuse what is right; around `now` where that is not known.
 */
export function readRecord(record: ConsumedRecord, now: Date): Read {
  if (record.unreadable !== undefined) return { kind: 'refused', record, ...record.unreadable, inboxEntry: null };
  const read = readParked(record);
  const { appendedAtMs = 0 } = record;
  const id = idOf(read);
  const isInside = id === null || isInsideInboxWindow(id, appendedAtMs > 0 ? appendedAtMs : now.getTime());
  return isInside ? read : outsideWindow(record);
}

/** A record of which the inbox can remember nothing. */
export function outsideWindow(record: ConsumedRecord): Refused {
  const detail = `${keptWord(record.headers['ce_id'] ?? '')} was not minted within the inbox's window`;
  return { kind: 'refused', record, reason: 'outside_window', detail, inboxEntry: null };
}

/** Reads a record that was parked, whenever it was minted: whether it was handled before is for its replay to find out. */
export function readParked(record: ConsumedRecord): Read {
  const parsed = parseRecord(record);
  if (parsed.kind !== 'refused') return { kind: 'readable', record, event: parsed.event };
  const { id, reason, detail } = parsed;
  return {
    kind: 'refused',
    record,
    reason,
    detail,
    inboxEntry: id === null ? null : inboxEntry(record, id, record.headers['ce_type'] ?? ''),
  };
}

/** What the inbox keeps of a record with this id. */
export function inboxEntry(record: ConsumedRecord, id: string, type: string): InboxEntry {
  return { id, type: keptWord(type), topic: record.topic, key: keptWord(record.key ?? '') };
}

function idOf(read: Read): string | null {
  return read.kind === 'readable' ? read.event.id : (read.inboxEntry?.id ?? null);
}
