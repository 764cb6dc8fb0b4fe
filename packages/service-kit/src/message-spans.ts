import { isEventType } from '@sagamart/contracts/events';
import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { activeTraceparent, startOf, startSpan, traceparentOf, within } from '@sagamart/telemetry/spans';
import { isSampled, isTraceparent } from '@sagamart/telemetry/trace-context';
import type { ConsumedRecord } from './parked.ts';
import type { Read } from './read-record.ts';

/** The spans of messages that are handled together. */
export type MessageSpans<Message extends Read> = {
  /** The messages, each event under the traceparent of its own span: what handling it says becomes a child of that. */
  readonly messages: readonly Message[];
  /** Runs what all of them share, such as a transaction. */
  readonly together: <T>(work: () => T) => T;
  /** Runs what is done for one of them. */
  readonly alone: <T>(message: Message, work: () => T) => T;
  readonly end: () => void;
};

/**
 * Begins a CONSUMER span for each message, a child of the span that said it and linked to whatever runs now, and shows the way it took: in the
 * outbox until the broker had it, in its topic until now. Of several messages, each is linked to the span of their batch, in which they are
 * handled; a single one is handled in its own. Messages of traces that are not sampled are as if they were not there: a batch begins no trace for them.
 */
export function startMessageSpans<Message extends Read>(messages: readonly Message[]): MessageSpans<Message> {
  const sampled = messages.filter(({ record }) => isSampled(record.headers['traceparent']));
  const [first] = sampled;
  const batch = sampled.length > 1 && first !== undefined ? startBatch(first.record.topic, messages.length) : undefined;
  const link = batch === undefined ? activeTraceparent() : traceparentOf(batch);
  const spans = new Map<Read, Span>();
  const traced = messages.map((message) => {
    const span = startMessage(message, link);
    const own = message.kind === 'refused' ? message : under(message, traceparentOf(span));
    spans.set(own, span);
    return own as Message;
  });
  const own = [...spans.values()];
  const shared = batch ?? own.find((span) => span.isRecording()) ?? (own.length === 1 ? own[0] : undefined);
  return {
    messages: traced,
    together: (work) => (shared === undefined ? work() : within(shared, work)),
    alone: (message, work) => {
      const span = spans.get(message);
      return span === undefined ? work() : within(span, work);
    },
    end: () => {
      for (const span of spans.values()) span.end();
      batch?.end();
    },
  };
}

function under<Message extends Exclude<Read, { kind: 'refused' }>>(message: Message, traceparent: string | null) {
  return { ...message, event: { ...message.event, traceparent } };
}

function startBatch(topic: string, size: number): Span {
  const attributes = { ...kafka, [attribute.messagingDestination]: topic, [attribute.messagingBatchSize]: size };
  return startSpan(spanName.batch(topic), { parent: null, attributes });
}

function startMessage(message: Read, link: string | null): Span {
  const { record } = message;
  const type = wordFor(record.headers['ce_type']);
  const parent = record.headers['traceparent'];
  const span = startSpan(spanName.process(type), {
    kind: 'CONSUMER',
    parent,
    links: [link],
    attributes: {
      ...kafka,
      [attribute.messagingOperation]: 'process',
      [attribute.messagingOperationType]: 'process',
      [attribute.messagingDestination]: record.topic,
      [attribute.messagingPartition]: String(record.partition),
      [attribute.messagingOffset]: Number(record.offset),
      ...(message.kind === 'readable' && {
        [attribute.messageId]: message.event.id,
        [attribute.eventType]: type,
      }),
    },
  });
  if (message.kind === 'readable' && isTraceparent(parent))
    showWay(type, { parent, saidAtMs: Date.parse(message.event.time), record, untilMs: startOf(span) });
  return span;
}

/** Siblings of the CONSUMER span, until it began. The clocks are the producer's, the broker's and ours: a gap is never shown as negative. */
function showWay(
  type: string,
  way: { parent: string; saidAtMs: number; record: ConsumedRecord; untilMs: number },
): void {
  const { parent, saidAtMs, record, untilMs } = way;
  const { appendedAtMs } = record;
  if (appendedAtMs === undefined) return;
  const saidAt = new Date(Math.min(saidAtMs, appendedAtMs));
  const appendedAt = new Date(appendedAtMs);
  startSpan(spanName.inOutbox(type), { parent, startTime: saidAt }).end(appendedAt);
  startSpan(spanName.inTopic(type), { parent, startTime: appendedAt }).end(new Date(Math.max(untilMs, appendedAtMs)));
}

/** A type that nobody here speaks may be any text: it has no place in a name. */
function wordFor(type: string | undefined): string {
  return type !== undefined && isEventType(type) ? type : 'unknown event';
}

const kafka = { [attribute.messagingSystem]: 'kafka' };
