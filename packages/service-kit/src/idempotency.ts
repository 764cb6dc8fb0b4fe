import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import type { Reader } from './database.ts';
import { inRetriedTransaction, type Transaction } from './transaction.ts';
import { Problem } from './problem.ts';

/** A reply as it goes over the wire: `body` is the JSON text itself, so that the same answer is given again byte for byte. */
export type Answer = { readonly status: number; readonly location: string | null; readonly body: string };

export type KeyedRequest = {
  /** Whose key it is: two customers may use the same key. */
  readonly owner: string;
  readonly route: string;
  readonly key: string;
  readonly body: unknown;
};

/**
 * Runs `act` at most once for a key, in the transaction that also stores its answer (IETF draft-ietf-httpapi-idempotency-key-header-07).
 * The same key with the same body gets the stored answer; with another body 422; while the first is still running 409. Only what `act`
 * returns is stored: when it throws, all is rolled back and the key stays free. There is no lease: a crash leaves nothing behind.
 */
export async function answerOnce(
  pool: Pool,
  request: KeyedRequest,
  act: (tx: Transaction) => Promise<Answer>,
): Promise<Answer> {
  const fingerprint = createHash('sha256')
    .update(canonicalize(request.body) ?? '')
    .digest('hex');
  const earlier = await findAnswer(pool, request, fingerprint);
  if (earlier !== null) return earlier;

  return inRetriedTransaction(pool, async (tx) => {
    // Two statements, hence two snapshots: the one that took the lock is older than the lock.
    const [, meanwhile] = await Promise.all([lockKey(tx, request), findAnswer(tx, request, fingerprint)]);
    if (meanwhile !== null) return meanwhile;
    const answer = await act(tx);
    await tx.query({
      name: 'store-answer',
      text: `insert into idempotency_keys (owner, route, key, fingerprint, status, location, body) values ($1, $2, $3, $4, $5, $6, $7)`,
      values: [request.owner, request.route, request.key, fingerprint, answer.status, answer.location, answer.body],
    });
    return answer;
  });
}

/** Sends an answer as it was stored: the text itself, not serialized again. */
export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.location !== null) void reply.header('location', answer.location);
  return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.body);
}

/** Reads an Idempotency-Key header, bare or as a quoted structured string: 1 to 255 visible ASCII characters. */
export function parseIdempotencyKey(header: string | string[] | undefined): string {
  if (header === undefined) {
    throw new Problem({
      status: 400,
      code: 'idempotency_key_missing',
      detail:
        'Send an Idempotency-Key header: any unique text, for example a UUID. Repeat it when you repeat the request.',
    });
  }
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : '';
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Problem({
      status: 400,
      code: 'idempotency_key_invalid',
      detail: 'Idempotency-Key must be 1 to 255 visible ASCII characters, sent once.',
    });
  }
  return key;
}

async function findAnswer(reader: Reader, request: KeyedRequest, fingerprint: string): Promise<Answer | null> {
  const { rows } = await reader.query<Answer & { fingerprint: string }>({
    name: 'find-answer',
    text: 'select fingerprint, status, location, body from idempotency_keys where owner = $1 and route = $2 and key = $3',
    values: [request.owner, request.route, request.key],
  });
  const [row] = rows;
  if (row === undefined) return null;
  if (row.fingerprint !== fingerprint) {
    throw new Problem({
      status: 422,
      code: 'idempotency_key_reused',
      detail: 'This Idempotency-Key was used for a request with another body. Use a new key for a new request.',
    });
  }
  return { status: row.status, location: row.location, body: row.body };
}

async function lockKey(tx: Transaction, request: KeyedRequest): Promise<void> {
  const { rows } = await tx.query<{ obtained: boolean }>({
    name: 'lock-key',
    text: 'select pg_try_advisory_xact_lock(hashtextextended($1, 1)) as obtained',
    values: [JSON.stringify([request.owner, request.route, request.key])],
  });
  if (rows[0]?.obtained === true) return;
  throw new Problem({
    status: 409,
    code: 'request_in_progress',
    detail: 'A request with this Idempotency-Key is still running. Ask again in a second.',
    headers: { 'retry-after': '1' },
  });
}
