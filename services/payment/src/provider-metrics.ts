import { createDurations } from '@sagamart/telemetry/metrics';
import { metricNames } from '@sagamart/telemetry/names';
import { activeTraceparent } from '@sagamart/telemetry/spans';
import type { ProviderReply } from './payment.ts';
import { ProviderNonsense, type Provider } from './provider.ts';

const bucketsSeconds = [0.01, 0.05, 0.25, 1, 2.5, 4];
const durations = createDurations(metricNames.providerCallDuration, bucketsSeconds);

/** The provider, with every call measured by what came of it: its answer, `no_answer`, or `nonsense`. */
export function measured(provider: Provider): Provider {
  return {
    capture: (orderId, terms) => measure('capture', provider.capture(orderId, terms)),
    void: (orderId, terms) => measure('void', provider.void(orderId, terms)),
    refund: (orderId, terms, captureId) => measure('refund', provider.refund(orderId, terms, captureId)),
    // No call of its own in the figures: it follows a refund that ended as nonsense.
    findRefund: provider.findRefund,
  };
}

async function measure(call: 'capture' | 'void' | 'refund', answering: Promise<ProviderReply>): Promise<ProviderReply> {
  const startedAtMs = performance.now();
  const observe = (result: string): void =>
    durations.observe({ call, result }, (performance.now() - startedAtMs) / 1_000, activeTraceparent());
  try {
    const reply = await answering;
    observe(reply.outcome);
    return reply;
  } catch (error) {
    observe(error instanceof ProviderNonsense ? 'nonsense' : 'no_answer');
    throw error;
  }
}
