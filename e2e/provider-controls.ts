import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { readLedger } from '@sagamart/auditor/outside-world';
import type { Shop } from '@sagamart/stack/shop';

/** How the payment provider misbehaves while it runs. What is not named is as it should be. */
export type Trouble = {
  latencyMs?: number;
  errorRate?: number;
  lostReplies?: number;
  down?: boolean;
  nonsense?: 'wrong_amount' | 'unknown_status' | 'bad_json';
};

const answerTimeoutMs = 5_000;
const captureDeadlineMs = 15_000;
const pollMs = 50;

/** Makes the provider misbehave while `run` runs, and behave again after it, also when it fails. */
export async function withTrouble<T>(shop: Shop, trouble: Trouble, run: () => Promise<T>): Promise<T> {
  await setControls(shop, 'PUT', trouble);
  try {
    return await run();
  } finally {
    await setControls(shop, 'DELETE');
  }
}

/** Resolves when the provider has captured an order, whether or not anybody was told. */
export async function waitForCapture(shop: Shop, orderId: string): Promise<void> {
  const deadline = Date.now() + captureDeadlineMs;
  for (;;) {
    const ledger = await readLedger({ url: shop.pspUrl, apiKey: shop.pspApiKey });
    if (ledger.some(({ kind, reference }) => kind === 'capture' && reference === orderId)) return;
    assert.ok(Date.now() < deadline, `the provider did not capture ${orderId} within ${captureDeadlineMs} ms`);
    await pause(pollMs);
  }
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
