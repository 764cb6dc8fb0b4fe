import { parseRecord, type Envelope } from '@sagamart/contracts/cloud-event';
import { isInsideInboxWindow, type InboxEntry } from './inbox.ts';
import type { ConsumedRecord } from './parked.ts';

/** A record that holds an event, known or not. */
export type Readable = { kind: 'readable'; record: ConsumedRecord; event: Envelope & { readonly type: string } };

/** What a record turned out to be. One that is refused is parked, with its inbox mark where it can have one. */
export type Read =
  | Readable
  | {
      kind: 'refused';
      record: ConsumedRecord;
      reason: string;
      detail: string;
      inboxEntry: InboxEntry | null;
    };

/** Reads a record. An id outside the window gets no inbox row: the inbox has no partition for it and could not dedupe it. */
export function readRecord(record: ConsumedRecord, now: Date): Read {
  if (record.unreadable !== undefined) return { kind: 'refused', record, ...record.unreadable, inboxEntry: null };
  const parsed = parseRecord(record);
  const id = parsed.kind === 'refused' ? parsed.id : parsed.event.id;
  if (id !== null && !isInsideInboxWindow(id, now)) {
    return {
      kind: 'refused',
      record,
      reason: 'outside_window',
      detail: `${id} was not minted within the inbox's window`,
      inboxEntry: null,
    };
  }
  if (parsed.kind !== 'refused') return { kind: 'readable', record, event: parsed.event };
  return {
    kind: 'refused',
    record,
    reason: parsed.reason,
    detail: parsed.detail,
    inboxEntry: id === null ? null : inboxEntry(record, id, record.headers['ce_type'] ?? ''),
  };
}

/** What the inbox keeps of a record with this id. */
export function inboxEntry(record: ConsumedRecord, id: string, type: string): InboxEntry {
  return { id, type: type.replaceAll('\0', ''), topic: record.topic, key: (record.key ?? '').replaceAll('\0', '') };
}
