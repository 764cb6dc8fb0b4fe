import type { OrderId } from '@sagamart/contracts/ids';
import { Currency, Minor } from '@sagamart/contracts/money';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { ProviderReply, Terms } from './payment.ts';

/** The payment provider. Rejects whenever the result is unknown: no answer, an error, or an answer that makes no sense. */
export type Provider = { capture: (orderId: OrderId, terms: Terms) => Promise<ProviderReply> };

// Below the time a closer is given at shutdown, so that a hanging call does not outlive it.
export const callTimeoutMs = 4_000;

const CaptureAnswer = Compile(
  Type.Object({
    captureId: Type.String({ minLength: 1 }),
    status: Type.Enum(['captured', 'declined']),
    amountMinor: Minor,
    currency: Currency,
    reference: Type.String(),
    declineReason: Type.Optional(Type.String()),
  }),
);

/** Talks to the provider over HTTP. One key per order, so that asking again never captures again. */
export function createProvider(config: { PSP_URL: string; PSP_API_KEY: string }): Provider {
  return {
    capture: async (orderId, { amountMinor, currency, paymentMethod }) => {
      const response = await fetch(new URL('/v1/captures', config.PSP_URL), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${config.PSP_API_KEY}`,
          'content-type': 'application/json',
          'idempotency-key': `capture-${orderId}`,
        },
        body: JSON.stringify({ amountMinor, currency, paymentMethod, reference: orderId }),
        signal: AbortSignal.timeout(callTimeoutMs),
      });
      if (response.status === 422 || response.status === 400) {
        throw new Error(
          `the provider refuses the request (${response.status}): ${(await response.text()).slice(0, 300)}`,
        );
      }
      if (response.status !== 201) throw new Error(`the provider answered ${response.status}`);
      const answer: unknown = await response.json();
      if (!CaptureAnswer.Check(answer)) throw new Error('the provider sent an answer that is no capture');
      if (answer.amountMinor !== amountMinor || answer.currency !== currency || answer.reference !== orderId) {
        throw new Error('the provider speaks of another amount, currency or order than it was asked for');
      }
      return answer.status === 'captured'
        ? { outcome: 'captured', captureId: answer.captureId }
        : { outcome: 'declined', declineReason: answer.declineReason ?? 'declined' };
    },
  };
}
