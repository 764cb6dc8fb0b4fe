import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

export type Answer = { status: number; headers: Headers; text: string; body: unknown };

export type Line = { sku: string; quantity: number; expectedPriceMinor?: number };

export type NewOrder = { lines: readonly Line[]; paymentMethod: string; email?: string };

export type PlacedOrder = { orderId: string; status: string; totalMinor: number; currency: string; deadline: string };

export type OrderView = {
  orderId: string;
  status: 'pending' | 'confirmed' | 'cancelled';
  reason?: string;
  lines: readonly { sku: string; name: string; quantity: number; unitPriceMinor: number }[];
  totalMinor: number;
  currency: string;
  payment: { status: string; stale?: true };
  stock: { status: string; stale?: true };
  notifications: readonly { outcome: string; status: string }[];
};

export type TimelineItem = {
  id: string;
  type: string;
  source: string;
  lamport: number;
  causationId: string | null;
  traceId: string | null;
  data: unknown;
};

export type ProblemBody = {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  traceId: string;
  errors?: { pointer: string; detail: string }[];
};

export type Session = { token: string; customerId: string; expiresAt: string };

const answerTimeoutMs = 15_000;
const pollMs = 25;
const productDeadlineMs = 30_000;

/** The public door as any client would use it. What it was promised (202) is kept in `accepted`. */
export class ShopClient {
  readonly accepted: string[] = [];
  readonly #gatewayUrl: string;
  readonly #operatorSecret: string;
  #operatorToken: Promise<string> | undefined;

  constructor(shop: { gatewayUrl: string; operatorSecret: string }) {
    this.#gatewayUrl = shop.gatewayUrl;
    this.#operatorSecret = shop.operatorSecret;
  }

  /** One request, answered with whatever comes. `body` is sent as JSON; `raw` as it is. */
  async call(
    method: string,
    path: string,
    options: { token?: string; body?: unknown; raw?: string | Buffer; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { token, body, raw } = options;
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const headers: Record<string, string> = { ...options.headers };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (payload !== undefined) headers['content-type'] ??= 'application/json';
    const request = { method, headers, signal: AbortSignal.timeout(answerTimeoutMs) };
    const response = await fetch(
      `${this.#gatewayUrl}${path}`,
      payload === undefined
        ? request
        : { ...request, body: typeof payload === 'string' ? payload : new Uint8Array(payload) },
    );
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : null,
    };
  }

  async openSession(options: { email?: string } = {}): Promise<Session> {
    return expectStatus(201, await this.call('POST', '/v1/sessions', { body: options })).body as Session;
  }

  async operatorToken(): Promise<string> {
    const credentials = { role: 'operator', name: 'e2e', secret: this.#operatorSecret };
    this.#operatorToken ??= this.call('POST', '/v1/sessions', { body: credentials }).then(
      (answer) => (expectStatus(201, answer).body as Session).token,
    );
    return this.#operatorToken;
  }

  /** A product of this test's own, on sale with this stock when the promise is fulfilled. */
  async createProduct(options: { stock: number; priceMinor?: number; currency?: string }): Promise<string> {
    const sku = `E2E-${randomUUID().slice(0, 13).toUpperCase()}`;
    const { stock, priceMinor = 1_250, currency = 'EUR' } = options;
    const token = await this.operatorToken();
    const body = { name: 'Stoneware mug', description: 'Made for one test.', priceMinor, currency };
    const put = () => this.call('PUT', `/v1/products/${sku}`, { token, body });
    const deadline = Date.now() + productDeadlineMs;
    let answer = await put();
    // 202: the order service does not know the product yet. The same again changes nothing, and waits for that once more.
    while (answer.status === 202 && Date.now() < deadline) answer = await put();
    expectStatus(200, answer);
    if (stock > 0) await this.restock(sku, stock);
    return sku;
  }

  async restock(sku: string, quantity: number): Promise<void> {
    const headers = { 'idempotency-key': randomUUID() };
    expectStatus(
      200,
      await this.call('POST', `/v1/products/${sku}/restock`, {
        token: await this.operatorToken(),
        body: { quantity },
        headers,
      }),
    );
  }

  /** How many are on sale; asks again while the shop answers 503. */
  async available(sku: string): Promise<number> {
    const deadline = Date.now() + answerTimeoutMs;
    for (;;) {
      const answer = await this.call('GET', `/v1/products/${sku}`);
      if (answer.status !== 503 || Date.now() > deadline)
        return (expectStatus(200, answer).body as { available: number }).available;
      await pause(pollMs);
    }
  }

  /** Sends an order and gives back whatever is answered. */
  async sendOrder(token: string, order: NewOrder, key: string = randomUUID()): Promise<Answer> {
    const answer = await this.call('POST', '/v1/orders', { token, body: order, headers: { 'idempotency-key': key } });
    if (answer.status === 202) this.accepted.push((answer.body as PlacedOrder).orderId);
    return answer;
  }

  /** Places an order that must be accepted. */
  async placeOrder(token: string, order: NewOrder): Promise<PlacedOrder> {
    return expectStatus(202, await this.sendOrder(token, order)).body as PlacedOrder;
  }

  /** Asks to cancel an order and gives back whatever is answered. */
  async cancelOrder(token: string, orderId: string): Promise<Answer> {
    return this.call('POST', `/v1/orders/${orderId}/cancel`, { token });
  }

  /** One page of the customer's orders, newest first. */
  async listOrders(token: string, page = ''): Promise<{ orderIds: string[]; nextCursor: string | null }> {
    const answer = expectStatus(200, await this.call('GET', `/v1/orders${page}`, { token }));
    const { items, nextCursor } = answer.body as { items: { orderId: string }[]; nextCursor: string | null };
    return { orderIds: items.map(({ orderId }) => orderId), nextCursor };
  }

  async readTimeline(token: string, orderId: string): Promise<TimelineItem[]> {
    const answer = expectStatus(200, await this.call('GET', `/v1/orders/${orderId}/timeline`, { token }));
    return (answer.body as { items: TimelineItem[] }).items;
  }

  /** Reads the order again and again, also while the shop answers 503, until it is as wanted; rejects at the deadline with the last answer. */
  async orderWhere(
    token: string,
    orderId: string,
    isAsWanted: (order: OrderView) => boolean,
    deadlineMs = 30_000,
  ): Promise<OrderView> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const answer = await this.call('GET', `/v1/orders/${orderId}`, { token });
      if (answer.status !== 503) {
        const order = expectStatus(200, answer).body as OrderView;
        if (isAsWanted(order)) return order;
      }
      if (Date.now() > deadline) {
        throw new Error(`order ${orderId} did not come to be as wanted within ${deadlineMs} ms: ${answer.text}`);
      }
      await pause(pollMs);
    }
  }
}

function expectStatus(status: number, answer: Answer): Answer {
  if (answer.status !== status) throw unexpected(status, answer);
  return answer;
}

/** The answer as a refusal by RFC 9457; throws when it is not one of that status. */
export function expectProblem(status: number, answer: Answer): ProblemBody {
  expectStatus(status, answer);
  const type = answer.headers.get('content-type') ?? '';
  if (!type.startsWith('application/problem+json'))
    throw new Error(`expected application/problem+json, got ${type}: ${answer.text}`);
  const problem = answer.body as ProblemBody;
  for (const field of ['type', 'title', 'status', 'code', 'detail', 'traceId'] as const) {
    if (problem[field] === undefined) throw new Error(`the problem has no ${field}: ${answer.text}`);
  }
  return problem;
}

function unexpected(status: number, answer: Answer): Error {
  return new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
}
