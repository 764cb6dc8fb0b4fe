import { setTimeout as pause } from 'node:timers/promises';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { parseIdempotencyKey } from '@sagamart/service-kit/idempotency';
import { Problem } from '@sagamart/service-kit/problem';
import { Type } from 'typebox';
import { CaptureRequest, decideCapture, mannerOf, meaningOf } from './capture.ts';
import { decideRefund, decideVoid, meaningOfRefund, RefundRequest, VoidRequest } from './compensation.ts';
import type { Deps } from './deps.ts';
import type { CaptureEntry, Decision, Entry, RefundEntry, Refusal } from './entry.ts';
import { LedgerUnavailable, type Books } from './ledger.ts';
import { digest, merchantCheck } from './merchant.ts';

/** Captures, voids, refunds and the ledger. Every call needs the merchant's key; the first three have their bad days. */
export function moneyRoutes(app: HttpApp, deps: Deps): void {
  const { badDays, ledger } = deps;
  const onRequest = merchantCheck(deps.apiKey);
  const preHandler = async (_request: unknown, reply: Connection): Promise<void> => {
    const arrival = await badDays.arrive();
    if (arrival === 'failed') throw failure();
    if (arrival === 'cut_off') cutOff(reply);
  };

  app.post(
    '/v1/captures',
    { onRequest, preHandler, schema: { body: CaptureRequest } },
    async ({ body, headers }, reply) => {
      const key = parseIdempotencyKey(headers['idempotency-key']);
      const manner = mannerOf(body);
      if (manner === 'fails' && badDays.failsFirst(key)) throw failure();
      // A digest, so that the ledger can tell requests apart without keeping payment methods.
      const fingerprint = digest(meaningOf(body)).toString('hex');
      const fresh = { key, fingerprint, captureId: deps.newCaptureId(), now: deps.now() };
      const decision = await record((books) => decideCapture(body, books.byKey(key), fresh));
      if (decision.kind === 'recorded') {
        if (manner === 'never_answers') return cutOff(reply);
        if (manner === 'answers_late') await pause(deps.slowAnswerMs);
      }
      if (badDays.loseReply()) return cutOff(reply);
      return reply
        .code(201)
        .type(jsonMediaType)
        .send(badDays.garble(answerOf(decision)));
    },
  );

  app.post('/v1/voids', { onRequest, preHandler, schema: { body: VoidRequest } }, async ({ body }, reply) => {
    const fresh = { fingerprint: digest(body.captureKey).toString('hex'), now: deps.now() };
    const decision = await record((books) => decideVoid(body, books.byKey(body.captureKey), fresh));
    if (badDays.loseReply()) return cutOff(reply);
    return reply
      .code(200)
      .type(jsonMediaType)
      .send(badDays.garble(answerOf(decision)));
  });

  app.post(
    '/v1/refunds',
    { onRequest, preHandler, schema: { body: RefundRequest } },
    async ({ body, headers }, reply) => {
      const key = parseIdempotencyKey(headers['idempotency-key']);
      const fingerprint = digest(meaningOfRefund(body)).toString('hex');
      const fresh = { key, fingerprint, refundId: deps.newRefundId(), now: deps.now() };
      const decision = await record((books) =>
        decideRefund(
          body,
          {
            known: books.byKey(key),
            capture: books.capture(body.captureId),
            refundOfCapture: books.refundOf(body.captureId),
          },
          fresh,
        ),
      );
      if (badDays.loseReply()) return cutOff(reply);
      return reply
        .code(201)
        .type(jsonMediaType)
        .send(badDays.garble(answerOf(decision)));
    },
  );

  app.get('/v1/captures/:captureId', { onRequest, preHandler, schema: { params: ById } }, ({ params }, reply) => {
    const capture = ledger.books.capture(params.captureId);
    if (capture?.kind !== 'capture') throw refusals.unknown_capture();
    if (badDays.loseReply()) return cutOff(reply);
    const answer = JSON.stringify(captureInBooks(capture, ledger.books.refundOf(params.captureId)));
    return reply.type(jsonMediaType).send(badDays.garble(answer));
  });

  app.get('/v1/ledger', { onRequest, schema: { querystring: PageQuery } }, (request) => {
    const { after = 0, limit = pageLimitDefault } = request.query;
    const items = ledger.page({ after, limit });
    return { items, nextAfter: items.length < limit ? null : (items.at(-1)?.sequence ?? null) };
  });

  async function record(decide: (books: Books) => Decision): Promise<Exclude<Decision, { kind: 'refused' }>> {
    const decision = await ledger.record(decide).catch((error: unknown) => {
      throw error instanceof LedgerUnavailable ? unavailable(error) : error;
    });
    if (decision.kind === 'refused') throw refusals[decision.refusal]();
    return decision;
  }
}

/** A capture with what was given back of it, under whatever key. */
function captureInBooks({ captureId, amountMinor, currency, reference }: CaptureEntry, refund: Entry | null) {
  const money = { captureId, status: 'captured', amountMinor, currency, reference };
  return { ...money, refunds: refund?.kind === 'refund' ? [refundInBooks(refund)] : [] };
}

function refundInBooks({ refundId, amountMinor, currency, reference, createdAt }: RefundEntry) {
  return { refundId, amountMinor, currency, reference, createdAt };
}

/** The text in the ledger, not serialized again: a repeat gets the same bytes. */
function answerOf(decision: Exclude<Decision, { kind: 'refused' }>): string {
  return decision.kind === 'recorded' ? decision.entry.answer : decision.answer;
}

const jsonMediaType = 'application/json; charset=utf-8';

type Connection = { hijack: () => unknown; raw: { destroy: () => unknown } };

/** Closes the connection without a word. */
function cutOff<Reply extends Connection>(reply: Reply): Reply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

const ById = Type.Object({ captureId: Type.String({ minLength: 1, maxLength: 100 }) });

const pageLimitMax = 1_000;
const pageLimitDefault = 100;

const PageQuery = Type.Object(
  {
    after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'the last sequence already read' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageLimitMax, default: pageLimitDefault })),
  },
  { additionalProperties: false },
);

const refusals: Readonly<Record<Refusal, () => Problem>> = {
  key_reused: () =>
    new Problem({
      status: 422,
      code: 'idempotency_key_reused',
      detail: 'This Idempotency-Key was used for another request. Send the first request again, or take a new key.',
    }),
  unknown_capture: () =>
    new Problem({
      status: 404,
      code: 'capture_not_found',
      detail: 'Expected the captureId of a capture; there is none of this id.',
    }),
  already_refunded: () =>
    new Problem({
      status: 409,
      code: 'already_refunded',
      detail: 'This capture was refunded under another Idempotency-Key; a capture is refunded once.',
    }),
  refund_too_large: () =>
    new Problem({
      status: 422,
      code: 'refund_too_large',
      detail: 'Expected at most the captured amount.',
      errors: [{ pointer: '/amountMinor', detail: 'at most the captured amount' }],
    }),
  other_currency: () =>
    new Problem({
      status: 422,
      code: 'currency_mismatch',
      detail: 'Expected the currency of the capture.',
      errors: [{ pointer: '/currency', detail: 'the currency of the capture' }],
    }),
};

function failure(): Problem {
  return new Problem({
    status: 500,
    code: 'provider_failed',
    detail: 'The provider has a bad day. Nothing was recorded; send the same request again.',
  });
}

function unavailable(cause: LedgerUnavailable): Problem {
  return new Problem({
    status: 503,
    code: 'unavailable',
    detail: cause.message,
    headers: { 'retry-after': '1' },
    cause,
  });
}
