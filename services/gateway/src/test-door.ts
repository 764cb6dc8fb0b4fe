import { verifierWithKeys } from '@sagamart/service-kit/token';
import { createLogger } from '@sagamart/telemetry/logger';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { buildApp } from './app.ts';
import { loadGatewayConfig } from './config.ts';
import { createProcessCounts, type RequestCounter } from './request-counter.ts';
import { openSessionKeys } from './session-keys.ts';
import { createUpstream } from './upstream.ts';

/** A request as a fake service received it. */
export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: string };

/** What a fake service answers; null breaks the connection. */
export type FakeAnswer = { status: number; headers?: Record<string, string>; body: unknown } | null;
export type FakeService = { url: string; received: Received[]; stop: () => Promise<void> };

/** A real HTTP server on a free port in place of a service. It stands at the edge of the gateway's world, for its tests only. */
export async function fakeService(
  t: TestContext,
  answer: (received: Received) => FakeAnswer | Promise<FakeAnswer>,
): Promise<FakeService> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, headers, body: Buffer.concat(chunks).toString() };
      received.push(one);
      void Promise.resolve(answer(one)).then((given) => {
        if (given === null) return request.socket.destroy();
        const text = typeof given.body === 'string' ? given.body : JSON.stringify(given.body);
        return response.writeHead(given.status, { 'content-type': 'application/json', ...given.headers }).end(text);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => stopServer(server);
  t.after(stop);
  return { url: `http://127.0.0.1:${portOf(server)}`, received, stop };
}

/** An address where nobody listens. */
export async function closedUrl(t: TestContext): Promise<string> {
  const { url, stop } = await fakeService(t, () => null);
  await stop();
  return url;
}

export type DoorOptions = {
  order?: string;
  inventory?: string;
  payment?: string;
  notification?: string;
  env?: Record<string, string>;
  counter?: RequestCounter;
  /** Two doors with one key file are replicas. */
  keysFile?: string;
};

/** The gateway with fresh keys, in front of the given services; those not given do not exist. */
export async function openDoor(t: TestContext, options: DoorOptions = {}) {
  const nowhere = await closedUrl(t);
  const keysFile = options.keysFile ?? newKeysFile(t);
  const config = loadGatewayConfig({
    PORT: '0',
    SHOP_LOCAL: '1',
    LOG_LEVEL: 'silent',
    ORDER_URL: options.order ?? nowhere,
    INVENTORY_URL: options.inventory ?? nowhere,
    PAYMENT_URL: options.payment ?? nowhere,
    NOTIFICATION_URL: options.notification ?? nowhere,
    REDIS_URL: 'redis://127.0.0.1:1',
    SESSION_KEYS_FILE: keysFile,
    OPERATOR_SECRET: 'local-only-operator',
    RATE_LIMIT_CUSTOMER_PER_SECOND: '1000',
    RATE_LIMIT_ADDRESS_PER_SECOND: '1000',
    RATE_LIMIT_SESSIONS_PER_MINUTE: '1000',
    ...options.env,
  });
  const logger = createLogger({ service: 'gateway', level: config.LOG_LEVEL });
  const keys = await openSessionKeys(keysFile, logger);
  const verifier = verifierWithKeys({ keyOf: keys.keyOf, issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE });
  // No window ends while a test runs, however slow the machine is.
  const counts = createProcessCounts(() => 0);
  const counter = options.counter ?? {
    count: async (key: string, windowMs: number) => counts.count(key, windowMs),
    close: async () => {},
  };
  const order = createUpstream('order', config.ORDER_URL);
  const inventory = createUpstream('inventory', config.INVENTORY_URL);
  const payment = createUpstream('payment', config.PAYMENT_URL);
  const notification = createUpstream('notification', config.NOTIFICATION_URL);
  const deps = {
    config,
    logger,
    keys,
    verifier,
    counter,
    order,
    inventory,
    payment,
    notification,
    now: () => new Date(),
  };
  const app = await buildApp(deps);
  t.after(async () => {
    await app.close();
    await Promise.all([order, inventory, payment, notification].map((upstream) => upstream.close()));
    await counter.close();
  });

  async function open(payload: object, headers: Record<string, string> = {}) {
    const answer = await app.inject({ method: 'POST', url: '/v1/sessions', payload, headers });
    if (answer.statusCode !== 201) throw new Error(`no session: ${answer.body}`);
    return answer.json<{ token: string; customerId: string; expiresAt: string }>();
  }

  return {
    app,
    deps,
    keysFile,
    open,
    customer: async () => ({ authorization: `Bearer ${(await open({})).token}` }),
    operator: async () => ({
      authorization: `Bearer ${(await open({ role: 'operator', name: 'ada', secret: 'local-only-operator' })).token}`,
    }),
  };
}

/** Writes a private key set with one new Ed25519 key for each name. */
export function writeSessionKeys(file: string, kids: readonly string[]): void {
  const keys = kids.map((kid) => ({ ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), kid }));
  writeFileSync(file, JSON.stringify({ keys }), { mode: 0o600 });
}

function newKeysFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'keys.json');
  writeSessionKeys(file, ['current', 'next']);
  return file;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
