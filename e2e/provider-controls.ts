import assert from 'node:assert/strict';
import { readLedger } from '@sagamart/auditor/outside-world';
import type { Shop } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';

/** How the payment provider misbehaves while it runs. What is not named is as it should be. */
export type Trouble = {
  latencyMs?: number;
  errorRate?: number;
  lostReplies?: number;
  down?: boolean;
  nonsense?: 'wrong_amount' | 'unknown_status' | 'bad_json';
};

const answerTimeoutMs = 5_000;
const ledgerDeadlineMs = 15_000;

/** Makes the provider misbehave while `run` runs, and behave again after it, also when it fails. */
export async function withTrouble<T>(shop: Shop, trouble: Trouble, run: () => Promise<T>): Promise<T> {
  await setControls(shop, 'PUT', trouble);
  try {
    return await run();
  } finally {
    await setControls(shop, 'DELETE');
  }
}

/** Resolves when the provider has captured or declined an order, whether or not anybody was told. */
export async function waitForLedger(shop: Shop, orderId: string, kind: 'capture' | 'decline'): Promise<void> {
  const isThere = async () => {
    const ledger = await readLedger({ url: shop.pspUrl, apiKey: shop.pspApiKey });
    return ledger.some((line) => line.kind === kind && line.reference === orderId);
  };
  await waitUntil(`a ${kind} of ${orderId} in the provider's ledger`, isThere, ledgerDeadlineMs);
}

async function setControls(shop: Shop, method: 'PUT' | 'DELETE', trouble?: Trouble): Promise<void> {
  const headers = { authorization: `Bearer ${shop.pspApiKey}`, 'content-type': 'application/json' };
  const response = await fetch(`${shop.pspUrl}/v1/controls`, {
    method,
    headers: trouble === undefined ? { authorization: headers.authorization } : headers,
    body: trouble === undefined ? null : JSON.stringify(trouble),
    signal: AbortSignal.timeout(answerTimeoutMs),
  });
  assert.ok(response.ok, `the provider's controls answered ${response.status}: ${await response.text()}`);
}
