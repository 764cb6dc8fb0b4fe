import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attribute, metricNames } from '@sagamart/telemetry/names';
import { databaseServices } from '@sagamart/stack/addresses';
import { ourParts } from '@sagamart/stack/part';
import { logFile } from '@sagamart/stack/part-log';
import { readShopStatus } from '@sagamart/stack/shop';
import type { ReadSpan } from '@sagamart/test-kit/trace-reader';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { enterShop } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from './spans.ts';

const { client, shop } = await enterShop();

const told = 'order: process notification.sent';
const planted = randomUUID().replaceAll('-', '');
const email = `${planted}@example.com`;
const paymentMethod = `tok_${planted}`;

// A span as a signal is a service, a kind and the system it speaks.
const expectedSpans = [
  ...['gateway', 'order', 'psp-simulator'].map((service) => `${service} SERVER http`),
  ...['gateway', 'payment'].map((service) => `${service} CLIENT http`),
  'gateway CLIENT redis',
  ...databaseServices.flatMap((service) => [`${service} CONSUMER kafka`, `${service} CLIENT postgresql`]),
  'notification CLIENT smtp',
];

const { buildInfo, httpServerDuration, sagaDuration, providerCallDuration, ...others } = metricNames;
const { unfinished, unfinishedOldestAge, escalated, ...ofDatabase } = others;
const shown = (services: readonly string[], ...metrics: { name: string }[]) =>
  services.flatMap((service) => metrics.map(({ name }) => ({ service, name })));
const expectedMetrics = [
  ...shown(ourParts, buildInfo, httpServerDuration),
  ...shown(databaseServices, ...Object.values(ofDatabase)),
  ...shown(['order', 'payment', 'notification'], unfinished, unfinishedOldestAge),
  ...shown(['payment', 'notification'], escalated),
  ...shown(['order'], sagaDuration),
  ...shown(['payment'], providerCallDuration),
];

/** Rejects unless all of the order's story is found in its trace, with every signal. */
async function placeTold(order: { email: string; paymentMethod: string }) {
  const { token } = await client.openSession({ email: order.email });
  const sku = await client.createProduct({ stock: 1 });
  const answer = await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: order.paymentMethod });
  assert.equal(answer.status, 202);
  const isWhole = (found: readonly ReadSpan[]) => {
    const signals = new Set(found.map((span) => [span.service, span.kind, systemOf(span.attributes)].join(' ')));
    return (
      edgesOf(found).some((edge) => edge.includes(`→ ${told}`)) && expectedSpans.every((each) => signals.has(each))
    );
  };
  const traceId = traceIdOfAnswer(answer);
  const { orderId } = answer.body as { orderId: string };
  return { token, orderId, traceId, spans: await traceWhere(traceId, isWhole) };
}

async function metricsOf(service: string): Promise<string> {
  const { parts } = await readShopStatus(shop.home);
  return (await fetch(`${parts.find(({ name }) => name === service)?.url}/metrics`)).text();
}

function logOf(service: string): string {
  return readFileSync(logFile(shop.home, service), 'utf8');
}

test('every service has spans of its own, of each library it uses, and its metrics', async () => {
  const { token, orderId } = await placeTold({ email: 'ada@example.com', paymentMethod: 'tok_visa' });
  // An order is read from all services, so that each has answered a request.
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
  for (const { service, name } of expectedMetrics) {
    const sample = new RegExp(`^${name}(_bucket)?[ {]`, 'm');
    await waitUntil(`${service} to show ${name}`, async () => sample.test(await metricsOf(service)));
  }
});

test('what a service says of an order is a line of its log, with the order and its trace', async () => {
  const { orderId, traceId } = await placeTold({ email: 'ada@example.com', paymentMethod: 'tok_visa' });
  for (const [service, event] of [
    ['order', 'order.confirmed'],
    ['inventory', 'stock.committed'],
    ['payment', 'payment.captured'],
    ['notification', 'notification.sent'],
  ] as const) {
    const facts = [`"msg":"${event}"`, `"orderId":"${orderId}"`, `"traceId":"${traceId}"`];
    const isWhole = (line: string) => facts.every((fact) => line.includes(fact));
    await waitUntil(`${service} to log ${facts.join()}`, () => logOf(service).split('\n').some(isWhole));
  }
});

test('the metrics of checkouts, sagas and calls to the provider name the trace of an order as their example', async () => {
  const { traceId } = await placeTold({ email: 'ada@example.com', paymentMethod: 'tok_visa' });
  for (const [service, metric] of [
    ['gateway', metricNames.httpServerDuration],
    ['order', metricNames.sagaDuration],
    ['payment', metricNames.providerCallDuration],
  ] as const) {
    assert.match(
      await metricsOf(service),
      new RegExp(`^${metric.name}_bucket.* # {trace_id="${traceId}"}`, 'm'),
      service,
    );
  }
});

test('every attribute of every span is in the registry', async () => {
  const { spans } = await placeTold({ email: 'ada@example.com', paymentMethod: 'tok_declined' });
  const known = new Set<string>(Object.values(attribute));
  const used = new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)));
  assert.deepEqual(
    [...used].filter((name) => !known.has(name) && !ofTheCollector.test(name)),
    [],
  );
});

// Jaeger's own reading of OTLP.
const ofTheCollector = /^(otel\.|internal\.|@jaeger@|span\.kind$)/;

test('a mail address, a payment method, a token and what was ordered are in no span and no log', async () => {
  const { token, spans } = await placeTold({ email, paymentMethod });
  const secrets = [planted, token.slice(-40), shop.pspApiKey, shop.operatorSecret, 'Stoneware mug'];
  const texts = [JSON.stringify(spans), ...ourParts.map(logOf)];
  for (const secret of secrets) assert.ok(!texts.some((text) => text.includes(secret)), `${secret} was told`);
});

function systemOf(attributes: Readonly<Record<string, unknown>>): unknown {
  if (attributes['http.request.method'] !== undefined) return 'http';
  return attributes['db.system.name'] ?? attributes['messaging.system'] ?? attributes['network.protocol.name'];
}
