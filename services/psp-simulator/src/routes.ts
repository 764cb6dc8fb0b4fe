import { createHash, timingSafeEqual } from 'node:crypto';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import { parseIdempotencyKey } from '@sagamart/service-kit/idempotency';
import { Problem } from '@sagamart/service-kit/problem';
import { Type } from 'typebox';
import { CaptureRequest, decideCapture, meaningOf } from './capture.ts';
import type { Deps } from './deps.ts';
import { LedgerUnavailable } from './ledger.ts';

/** POST and GET /v1/captures. Every call needs the merchant's key. */
export function captureRoutes(app: HttpApp, deps: Deps): void {
  const requireMerchant = merchantCheck(deps.apiKey);

  app.post('/v1/captures', { onRequest: requireMerchant, schema: { body: CaptureRequest } }, async (request, reply) => {
    const idempotencyKey = parseIdempotencyKey(request.headers['idempotency-key']);
    // A digest, so that the ledger can tell requests apart without keeping payment methods.
    const fingerprint = digest(meaningOf(request.body)).toString('hex');
    const fresh = { idempotencyKey, fingerprint, captureId: deps.newCaptureId(), now: deps.now() };
    const decision = await deps.ledger
      .record(idempotencyKey, (known) => decideCapture(request.body, known, fresh))
      .catch((error: unknown) => {
        throw error instanceof LedgerUnavailable ? unavailable(error) : error;
      });
    if (decision.kind === 'key_reused') throw keyReused();
    // The answer is sent as the text in the ledger, not serialized again: a repeat gets the same bytes.
    return reply.code(201).header('content-type', 'application/json; charset=utf-8').send(decision.capture.answer);
  });

  app.get('/v1/captures', { onRequest: requireMerchant, schema: { querystring: PageQuery } }, (request) => {
    const { after = 0, limit = pageLimitDefault } = request.query;
    const items = deps.ledger.page({ after, limit });
    return { items, nextAfter: items.length < limit ? null : (items.at(-1)?.sequence ?? null) };
  });
}

const pageLimitMax = 1_000;
const pageLimitDefault = 100;

const PageQuery = Type.Object({
  after: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'the last sequence already read' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageLimitMax, default: pageLimitDefault })),
});

function keyReused(): Problem {
  return new Problem({
    status: 422,
    code: 'idempotency_key_reused',
    detail: 'This Idempotency-Key was used for another request. Send the first request again, or take a new key.',
  });
}

function merchantCheck(
  apiKey: string,
): (request: { headers: { authorization?: string | undefined } }) => Promise<void> {
  const expected = digest(`Bearer ${apiKey}`);
  return async (request) => {
    // Digests have one length and are compared in constant time: the time taken tells nothing about the key.
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return;
    throw new Problem({
      status: 401,
      code: 'unauthorized',
      detail: 'Expected the merchant key: Authorization: Bearer <PSP_API_KEY>.',
      headers: { 'www-authenticate': 'Bearer' },
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
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
