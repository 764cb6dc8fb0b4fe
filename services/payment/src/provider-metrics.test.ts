import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId, type OrderId } from '@sagamart/contracts/ids';
import { renderMetrics } from '@sagamart/telemetry/metrics';
import { readMetric } from '@sagamart/test-kit/read-metric';
import { ProviderNonsense } from './provider.ts';
import { measured } from './provider-metrics.ts';

const orderId = newId<OrderId>();
const terms = {
  amountMinor: 990,
  currency: 'EUR',
  paymentMethod: 'tok_planted',
  deadline: '2026-01-01T00:00:00.000Z',
} as const;

test('every call to the provider is counted by what came of it, and a failed one stays failed', async () => {
  const provider = measured({
    capture: async () => ({ outcome: 'declined', declineReason: 'planted reason' }),
    void: () => Promise.reject(new ProviderNonsense('planted nonsense')),
    refund: () => Promise.reject(new Error('planted trouble')),
    findRefund: () => Promise.reject(new Error('planted silence')),
  });
  assert.deepEqual(await provider.capture(orderId, terms), { outcome: 'declined', declineReason: 'planted reason' });
  await assert.rejects(provider.void(orderId, terms), ProviderNonsense);
  await assert.rejects(provider.refund(orderId, terms, 'cap'), /planted trouble/);
  const text = await renderMetrics();
  for (const labels of [
    { call: 'capture', result: 'declined' },
    { call: 'void', result: 'nonsense' },
    { call: 'refund', result: 'no_answer' },
  ])
    assert.equal(readMetric(text, 'sagamart_provider_call_duration_seconds_count', labels), 1, JSON.stringify(labels));
  assert.doesNotMatch(text, /planted/);
});
