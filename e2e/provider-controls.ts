import { readLedger } from '@sagamart/auditor/outside-world';
import { controlPsp, type PspControls } from '@sagamart/stack/psp-controls';
import type { Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';

const ledgerDeadlineMs = 15_000;

/** Makes the provider misbehave while `run` runs, and behave again after it, also when it fails. */
export async function withTrouble<T>(shop: Shop, trouble: Partial<PspControls>, run: () => Promise<T>): Promise<T> {
  await controlPsp(shop, { kind: 'change', change: trouble });
  try {
    return await run();
  } finally {
    await controlPsp(shop, { kind: 'up' });
  }
}

/** Resolves when the provider has captured or declined an order, whether or not anybody was told. */
export async function waitForLedger(shop: Shop, orderId: string, kind: 'capture' | 'decline'): Promise<void> {
  const isThere = async () => {
    for await (const page of readLedger({ url: shop.pspUrl, apiKey: shop.pspApiKey }))
      if (page.some((line) => line.kind === kind && line.reference === orderId)) return true;
    return false;
  };
  await waitUntil(`a ${kind} of ${orderId} in the provider's ledger`, isThere, ledgerDeadlineMs);
}
