import type { EventType } from '@sagamart/contracts/events';
import { EventId } from '@sagamart/contracts/ids';
import type { ServiceName } from '@sagamart/contracts/topics';
import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';
import { isUtf8 } from 'node:buffer';
import { Type } from 'typebox';
import { inRetriedTransaction } from './transaction.ts';
import { createEvidence, type Evidence } from './evidence.ts';
import type { HttpApp } from './http-app.ts';
import { createParkedActs, unknownMessage } from './parked-acts.ts';
import { appendRelease, findParked, listParked, listWaitingBehind, type ParkedDetail } from './parked-store.ts';
import type { Participant } from './participant.ts';
import { Problem } from './problem.ts';
import { operatorOf, requireOperator, type TokenVerifier } from './token.ts';

const Page = Type.Object(
  {
    status: Type.Optional(Type.Enum(['parked', 'replayed', 'discarded'])),
    cursor: Type.Optional(EventId),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  { additionalProperties: false },
);
const ById = Type.Object({ id: EventId });
const Discard = Type.Object(
  {
    // Something to read, and nothing that PostgreSQL's text cannot hold.
    reason: Type.String({ minLength: 1, maxLength: 500, pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$' }),
  },
  { additionalProperties: false },
);
/** `neverSaid`: the order service was asked, and the outcome is not its own. */
const DiscardForged = Type.Object(
  { ...Discard.properties, neverSaid: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);
const pageLimitDefault = 20;
const waitingShownMax = 100;

/** What operators can see and do about the messages that this service could not handle (design, sections 4 and 5). */
export function registerParkedRoutes<Work, Heard extends EventType>(
  app: HttpApp,
  options: {
    service: ServiceName;
    pool: Pool;
    participant: Participant<Work, Heard>;
    verifier: TokenVerifier;
    logger: Logger;
    evidence?: Evidence;
  },
): void {
  const { service, pool } = options;
  const operator = { onRequest: requireOperator(options.verifier) };
  const act = createParkedActs(options);

  app.get('/parked-messages', { ...operator, schema: { querystring: Page } }, async (request) => {
    const { status = 'parked', cursor = null, limit = pageLimitDefault } = request.query;
    const messages = await listParked(pool, { status, before: cursor, limit: limit + 1 });
    const items = messages.slice(0, limit).map((message) => ({ service, ...message }));
    return { items, nextCursor: messages.length > limit ? (items.at(-1)?.id ?? null) : null };
  });

  app.get('/parked-messages/:id', { ...operator, schema: { params: ById } }, async (request) => {
    const { id } = request.params;
    const [message, waiting] = await Promise.all([findParked(pool, id), listWaitingBehind(pool, id, waitingShownMax)]);
    if (message === null) throw unknownMessage(id);
    return { service, ...withPayload(message), waiting };
  });

  app.post('/parked-messages/:id/replay', { ...operator, schema: { params: ById } }, async (request) => ({
    service,
    ...(await act({ act: 'replay', id: request.params.id, operator: operatorOf(request) })),
  }));

  app.post(
    '/parked-messages/:id/discard',
    { ...operator, schema: { params: ById, body: DiscardForged } },
    async (request) => {
      const { reason, neverSaid = false } = request.body;
      const { id } = request.params;
      return { service, ...(await act({ act: 'discard', id, operator: operatorOf(request), reason, neverSaid })) };
    },
  );

  app.post('/pause/release', { ...operator, schema: { body: Discard } }, async (request) => ({
    service,
    ...(await releasePause(
      { ...options, evidence: options.evidence ?? createEvidence() },
      { operator: operatorOf(request), reason: request.body.reason },
    )),
  }));
}

/** Ends a pause by an operator's word that the messages are at fault, which is kept. Throws Problem 409 when nothing is paused. */
async function releasePause(
  { pool, evidence, logger }: { pool: Pool; evidence: Evidence; logger: Logger },
  word: { operator: string; reason: string },
): Promise<{ released: string }> {
  const paused = evidence.pause();
  if (paused === null) {
    const detail = 'Consumption is not paused here: messages are handled or parked one by one.';
    throw new Problem({ status: 409, code: 'not_paused', detail });
  }
  const { error, release } = paused;
  await inRetriedTransaction(pool, (tx) => appendRelease(tx, { ...word, error }));
  release();
  logger.warn({ ...word, error }, 'an operator has the messages parked that consumption was paused for');
  return { released: error };
}

/** The record as it came: its value as text where it is UTF-8, else in base64. */
function withPayload({ record, ...message }: ParkedDetail) {
  const { partition, offset, headers, value, bytes } = record;
  const payload =
    bytes === null || isUtf8(bytes)
      ? { payload: value }
      : { payload: bytes.toString('base64'), payloadEncoding: 'base64' };
  return { ...message, partition, offset: Number(offset), headers, ...payload };
}
