import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Shop } from '@sagamart/stack/shop';
import { Agent, request } from 'undici';

/** One order as the client saw it. Times are Unix milliseconds with fractions, from one clock. */
export type SentOrder = { orderId: string; sentAtMs: number; acceptedAtMs: number };

export type Load = { accepted: SentOrder[]; refusals: Map<string, number>; startedAtMs: number; sendingMs: number };

export type RunningLoad = {
  /** What was answered so far. */
  readonly load: Readonly<Load>;
  /** Resolves when the plan is fulfilled, or the load was stopped, and the last order is answered. */
  readonly over: Promise<Load>;
  /** No order is sent from now on. */
  readonly stop: () => void;
};

export type Plan =
  /** Orders leave on time, whether or not earlier ones were answered: a slow shop is not spared. */
  | { kind: 'steady'; ratePerSecond: number; seconds: number }
  /** As many as possible, with so many unanswered at any time. */
  | { kind: 'full_speed'; orders: number; inFlight: number };

const productsMax = 20;
const stockPerProduct = 100_000;
// Well under the 50 orders/s that a customer may send.
const ordersPerCustomerSecondMax = 10;
const answerTimeoutMs = 30_000;
const productDeadlineMs = 30_000;

/** Begins to place orders through the gateway, as several guests would, by plan. Unless `isTold`, they leave no address, and get no mail. */
export async function startLoad(shop: Shop, plan: Plan, { isTold = true } = {}): Promise<RunningLoad> {
  const door = openDoor(shop);
  const customers =
    plan.kind === 'steady' ? Math.max(5, Math.ceil(plan.ratePerSecond / ordersPerCustomerSecondMax)) : plan.inFlight;
  const skus = await createProducts(door, shop);
  const tokens = await Promise.all(
    Array.from({ length: customers }, () => openSession(door, isTold ? { email: 'load@example.com' } : {})),
  );

  const load: Load = { accepted: [], refusals: new Map(), startedAtMs: nowMs(), sendingMs: 0 };
  const sendOne = async (index: number, dueAtMs: number): Promise<void> => {
    const body = { lines: [{ sku: skus[index % skus.length], quantity: 1 + (index % 3) }], paymentMethod: 'tok_visa' };
    const token = tokens[index % tokens.length] ?? '';
    const answer = await door
      .send('POST', '/v1/orders', { token, body })
      .catch((error: unknown) => ({ status: 0, text: String(error) }));
    if (answer.status !== 202) {
      const refusal = `${answer.status} ${answer.text.slice(0, 200)}`;
      load.refusals.set(refusal, (load.refusals.get(refusal) ?? 0) + 1);
      return;
    }
    const { orderId } = JSON.parse(answer.text) as { orderId: string };
    load.accepted.push({ orderId, sentAtMs: dueAtMs, acceptedAtMs: nowMs() });
  };

  const stopping = new AbortController();
  const send = async (): Promise<Load> => {
    await (plan.kind === 'steady'
      ? sendOnTime(plan, load.startedAtMs, sendOne, stopping.signal)
      : sendAtOnce(plan, sendOne, stopping.signal));
    load.sendingMs = nowMs() - load.startedAtMs;
    await door.close();
    return load;
  };
  return { load, over: send(), stop: () => stopping.abort() };
}

type Send = (index: number, dueAtMs: number) => Promise<void>;

/** Latency counts from when an order was due, so that a stall of this program or of the shop is in the figures, not hidden by them. */
async function sendOnTime(
  plan: Extract<Plan, { kind: 'steady' }>,
  startedAtMs: number,
  send: Send,
  stopping: AbortSignal,
): Promise<void> {
  const pending: Promise<void>[] = [];
  for (let index = 0; index < plan.ratePerSecond * plan.seconds && !stopping.aborted; index += 1) {
    const dueAtMs = startedAtMs + (index * 1_000) / plan.ratePerSecond;
    const waitMs = dueAtMs - nowMs();
    if (waitMs > 0) await pause(waitMs);
    pending.push(send(index, Math.min(dueAtMs, nowMs())));
  }
  await Promise.all(pending);
}

async function sendAtOnce(
  plan: Extract<Plan, { kind: 'full_speed' }>,
  send: Send,
  stopping: AbortSignal,
): Promise<void> {
  let next = 0;
  const sendUntilDone = async (): Promise<void> => {
    while (next < plan.orders && !stopping.aborted) await send(next++, nowMs());
  };
  await Promise.all(Array.from({ length: plan.inFlight }, sendUntilDone));
}

type Door = {
  send: (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    options: { token?: string; body?: unknown },
  ) => Promise<{ status: number; text: string }>;
  close: () => Promise<void>;
};

function openDoor(shop: Shop): Door {
  const dispatcher = new Agent({ connections: 128, headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs });
  return {
    send: async (method, path, { token, body }) => {
      const headers: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
      if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
      const answer = await request(`${shop.gatewayUrl}${path}`, {
        method,
        headers,
        body: JSON.stringify(body),
        dispatcher,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    },
    close: () => dispatcher.close(),
  };
}

async function openSession(door: Door, body: unknown): Promise<string> {
  const answer = await door.send('POST', '/v1/sessions', { body });
  if (answer.status !== 201)
    throw new Error(`no session for the load: expected 201, got ${answer.status} ${answer.text}`);
  return (JSON.parse(answer.text) as { token: string }).token;
}

/** Products of the load's own, so that the shop's shelves stay as they are. */
async function createProducts(door: Door, shop: Shop): Promise<string[]> {
  const token = await openSession(door, { role: 'operator', name: 'load', secret: shop.operatorSecret });
  const skus = Array.from({ length: productsMax }, (_, index) => `LOAD-${String(index + 1).padStart(2, '0')}`);
  for (const sku of skus) {
    const body = { name: `Load test mug ${sku}`, description: 'Sold in bulk.', priceMinor: 990, currency: 'EUR' };
    const deadline = nowMs() + productDeadlineMs;
    let put = await door.send('PUT', `/v1/products/${sku}`, { token, body });
    // 202: the order service does not know the product yet, and would refuse an order of it.
    while (put.status === 202 && nowMs() < deadline)
      put = await door.send('PUT', `/v1/products/${sku}`, { token, body });
    const restocked = await door.send('POST', `/v1/products/${sku}/restock`, {
      token,
      body: { quantity: stockPerProduct },
    });
    if (put.status !== 200 || restocked.status !== 200)
      throw new Error(`no stock for the load: ${put.text} ${restocked.text}`);
  }
  return skus;
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
