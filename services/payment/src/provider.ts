import { cutText, textLengthMax } from '@sagamart/contracts/bounds';
import type { OrderId } from '@sagamart/contracts/ids';
import { Currency, Minor } from '@sagamart/contracts/money';
import type { Span } from '@opentelemetry/api';
import { attribute, spanName } from '@sagamart/telemetry/names';
import { inChildSpan, markFailed, traceparentOf } from '@sagamart/telemetry/spans';
import { Type, type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { ProviderReply, Terms } from './payment.ts';

/**
 * The payment provider. Every call can be made again and again, for its key is made of the order's id. Each rejects whenever the result is
 * unknown: no answer, an error, or an answer that makes no sense.
 */
export type Provider = {
  capture: (orderId: OrderId, terms: Terms) => Promise<ProviderReply>;
  /** Forbids the order's capture for good, or tells what has become of it. */
  void: (orderId: OrderId, terms: Terms) => Promise<ProviderReply>;
  refund: (orderId: OrderId, terms: Terms, captureId: string) => Promise<ProviderReply>;
  /** What the provider's books say of a capture's refund, whoever asked for it and by what key. Rejects unless all of it was given back. */
  findRefund: (orderId: OrderId, terms: Terms, captureId: string) => Promise<ProviderReply>;
};

// Below the time a closer is given at shutdown, so that a hanging call does not outlive it.
export const callTimeoutMs = 4_000;

/** An answer that makes no sense, or a refusal of what was asked: somebody has to look. It is asked again, never believed. */
export class ProviderNonsense extends Error {
  override readonly name = 'ProviderNonsense';
}

// It is kept, indexed and said on: more of it than any provider's is no id.
const Id = Type.String({ minLength: 1, maxLength: textLengthMax.captureId, pattern: '^[\\x20-\\x7e]+$' });
const spokenOf = { amountMinor: Minor, currency: Currency, reference: Type.String() };
const Captured = Type.Object({ status: Type.Literal('captured'), captureId: Id, ...spokenOf });
const Declined = Type.Object({
  status: Type.Literal('declined'),
  declineReason: Type.Optional(Type.String()),
  ...spokenOf,
});

const CaptureAnswer = Type.Union([Captured, Declined, Type.Object({ status: Type.Literal('voided'), ...spokenOf })]);
const VoidAnswer = Type.Union([Captured, Declined, Type.Object({ status: Type.Literal('voided') })]);
const RefundAnswer = Type.Object({ status: Type.Literal('refunded'), refundId: Id, captureId: Id, ...spokenOf });
const CaptureInBooks = Type.Object({
  status: Type.Enum(['captured', 'refunded']),
  captureId: Id,
  ...spokenOf,
  refunds: Type.Array(Type.Object({ refundId: Id, amountMinor: Minor, currency: Currency })),
});

const readCaptureAnswer = reader(CaptureAnswer);
const readVoidAnswer = reader(VoidAnswer);
const readRefundAnswer = reader(RefundAnswer);
const readCaptureInBooks = reader(CaptureInBooks);

/** Talks to the provider over HTTP. */
export function createProvider(config: { PSP_URL: string; PSP_API_KEY: string }): Provider {
  return {
    capture: async (orderId, terms) => {
      const { amountMinor, currency, paymentMethod } = terms;
      const answer = readCaptureAnswer(
        await ask(201, '/v1/captures', captureKeyOf(orderId), {
          amountMinor,
          currency,
          paymentMethod,
          reference: orderId,
        }),
      );
      requireSameTerms(answer, orderId, terms);
      return replyOf(answer);
    },
    void: async (orderId, terms) => {
      const answer = readVoidAnswer(await ask(200, '/v1/voids', null, { captureKey: captureKeyOf(orderId) }));
      if (answer.status !== 'voided') requireSameTerms(answer, orderId, terms);
      return replyOf(answer);
    },
    refund: async (orderId, terms, captureId) => {
      const { amountMinor, currency } = terms;
      const answer = readRefundAnswer(
        await ask(201, '/v1/refunds', `refund-${orderId}`, { captureId, amountMinor, currency, reference: orderId }),
      );
      requireSameTerms(answer, orderId, terms);
      if (answer.captureId !== captureId)
        throw new ProviderNonsense(`the provider refunded ${answer.captureId}, not ${captureId}`);
      return { outcome: 'refunded', refundId: answer.refundId };
    },
    findRefund: async (orderId, terms, captureId) => {
      const capture = readCaptureInBooks(await ask(200, `/v1/captures/${encodeURIComponent(captureId)}`));
      requireSameTerms(capture, orderId, terms);
      const { amountMinor, currency } = terms;
      const refunds = capture.refunds.filter((refund) => refund.currency === currency);
      const refundedMinor = refunds.reduce((sum, refund) => sum + refund.amountMinor, 0);
      const last = refunds.at(-1);
      if (capture.captureId !== captureId || last === undefined || refundedMinor !== amountMinor)
        throw new ProviderNonsense(
          `its books have ${refundedMinor} of ${amountMinor} ${currency} of ${capture.captureId} refunded`,
        );
      return { outcome: 'refunded', refundId: last.refundId };
    },
  };

  async function ask(expectedStatus: number, path: string, key: string | null = null, body?: object): Promise<unknown> {
    const method = body === undefined ? 'GET' : 'POST';
    const { status, text } = await inChildSpan(spanName.call(method, 'provider'), { kind: 'CLIENT' }, (span) =>
      send(method, path, { key, body, span }),
    );
    if (status >= 500 || passingStatuses.has(status)) throw new Error(`the provider answered ${status}`);
    if (status !== expectedStatus)
      throw new ProviderNonsense(
        `expected ${expectedStatus} of ${path}, the provider answered ${status}: ${text.slice(0, 300)}`,
      );
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new ProviderNonsense(`expected JSON of ${path}: ${text.slice(0, 300)}`, { cause: error });
    }
  }

  async function send(
    method: 'GET' | 'POST',
    path: string,
    { key, body, span }: { key: string | null; body: object | undefined; span: Span | undefined },
  ) {
    const traceparent = span === undefined ? null : traceparentOf(span);
    const response = await fetch(new URL(path, config.PSP_URL), {
      method,
      // Following would turn a POST into a GET, and give what we ask to somebody we do not know.
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${config.PSP_API_KEY}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === null ? {} : { 'idempotency-key': key }),
        ...(traceparent === null ? {} : { traceparent }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
    const { status } = response;
    span?.setAttributes({ [attribute.httpMethod]: method, [attribute.httpStatus]: status });
    if (status >= 400) markFailed(String(status), span);
    return { status, text: await readText(response) };
  }
}

/** Longer than any answer that makes sense, and short enough for all that are under way to be held. */
const answerBytesMax = 4 * 1024 * 1024;

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const received: AsyncIterable<Uint8Array> | Uint8Array[] = body ?? [];
  for await (const chunk of received) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax)
      throw new ProviderNonsense(`the provider's answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
/** Request timeout, too early, too many requests: of the moment, not of what was asked. */
const passingStatuses = new Set([408, 425, 429]);

function captureKeyOf(orderId: OrderId): string {
  return `capture-${orderId}`;
}

function reader<Schema extends TSchema>(schema: Schema): (answer: unknown) => Static<Schema> {
  const compiled = Compile(schema);
  return (answer) => {
    if (compiled.Check(answer)) return answer;
    throw new ProviderNonsense(`the provider sent an unknown answer: ${JSON.stringify(answer).slice(0, 300)}`);
  };
}

function requireSameTerms(
  answer: { amountMinor: number; currency: Currency; reference: string },
  orderId: OrderId,
  { amountMinor, currency }: Terms,
): void {
  if (answer.amountMinor === amountMinor && answer.currency === currency && answer.reference === orderId) return;
  throw new ProviderNonsense(
    `expected ${amountMinor} ${currency} of ${orderId}, the provider speaks of ${answer.amountMinor} ${answer.currency} of ${answer.reference}`,
  );
}

function replyOf(answer: Static<typeof CaptureAnswer> | Static<typeof VoidAnswer>): ProviderReply {
  switch (answer.status) {
    case 'captured':
      return { outcome: 'captured', captureId: answer.captureId };
    case 'declined':
      // Believed however it is worded: what counts is the no.
      return {
        outcome: 'declined',
        declineReason: cutText(answer.declineReason ?? 'declined', textLengthMax.declineReason),
      };
    case 'voided':
      return { outcome: 'voided' };
    default:
      return answer satisfies never;
  }
}
