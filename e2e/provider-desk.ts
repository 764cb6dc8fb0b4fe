import assert from 'node:assert/strict';
import { readLedger } from '@sagamart/auditor/outside-world';
import { newId } from '@sagamart/contracts/ids';
import type { Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';

/** What the provider has written down of an order. */
export async function inLedger({ pspUrl, pspApiKey }: Shop, orderId: string, kind: 'capture' | 'refund') {
  return waitUntil(`a ${kind} of ${orderId} in the ledger`, async () => {
    for await (const page of readLedger({ url: pspUrl, apiKey: pspApiKey }))
      for (const entry of page) if (entry.kind === kind && entry.reference === orderId) return entry;
    return undefined;
  });
}

/** A person at the provider's own desk gives back what was captured for an order; resolves with the id of that refund. */
export async function refundByHand(shop: Shop, orderId: string): Promise<string> {
  const { captureId, amountMinor, currency } = await inLedger(shop, orderId, 'capture');
  const answer = await fetch(`${shop.pspUrl}/v1/refunds`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${shop.pspApiKey}`, 'content-type': 'application/json' },
      'idempotency-key': `desk-${newId()}`,
    },
    body: JSON.stringify({ captureId, amountMinor, currency, reference: 'given back at the desk' }),
  });
  assert.ok(answer.ok, `the provider answered ${answer.status}`);
  return ((await answer.json()) as { refundId: string }).refundId;
}
