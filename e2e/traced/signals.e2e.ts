import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attribute, metricNames } from '@sagamart/telemetry/names';
import { readShopStatus } from '@sagamart/stack/shop';
import type { ReadSpan } from '@sagamart/test-kit/trace-reader';
import { enterShop } from '../shop-under-test.ts';
import { edgesOf, traceIdOfAnswer, traceWhere } from './spans.ts';

const { client, shop } = await enterShop();

const told = 'order: process notification.sent';
const planted = randomUUID().replaceAll('-', '');
const email = `${planted}@example.com`;
const paymentMethod = `tok_${planted}`;

// A signal is a service, a kind of span and the system it speaks.
const expected = [
  ...['gateway', 'order', 'psp-simulator'].map((service) => `${service} SERVER http`),
  ...['gateway', 'payment'].map((service) => `${service} CLIENT http`),
  'gateway CLIENT redis',
  ...['order', 'inventory', 'payment', 'notification'].flatMap((service) => [
    `${service} CONSUMER kafka`,
    `${service} CLIENT postgresql`,
  ]),
  'notification CLIENT smtp',
];

/** Rejects unless all of the order's story is found in its trace, with every signal. */
async function placeTold(order: { email: string; paymentMethod: string }) {
  const { token } = await client.openSession({ email: order.email });
  const sku = await client.createProduct({ stock: 1 });
  const answer = await client.sendOrder(token, { lines: [{ sku, quantity: 1 }], paymentMethod: order.paymentMethod });
  assert.equal(answer.status, 202);
  const isWhole = (found: readonly ReadSpan[]) => {
    const signals = new Set(found.map((span) => [span.service, span.kind, systemOf(span.attributes)].join(' ')));
    return edgesOf(found).some((edge) => edge.includes(`→ ${told}`)) && expected.every((each) => signals.has(each));
  };
  const traceId = traceIdOfAnswer(answer);
  return { token, traceId, spans: await traceWhere(traceId, isWhole) };
}

test('every service has spans of its own, of each library it uses, and metrics', async () => {
  await placeTold({ email: 'ada@example.com', paymentMethod: 'tok_visa' });
  const { parts } = await readShopStatus(shop.home);
  for (const { name, url } of parts.filter(({ kind }) => kind === 'service' || kind === 'provider')) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /sagamart_build_info\{.*\} 1/, name);
  }
});

test('the metrics of checkouts, sagas and calls to the provider name the trace of an order as their example', async () => {
  const { traceId } = await placeTold({ email: 'ada@example.com', paymentMethod: 'tok_visa' });
  const { parts } = await readShopStatus(shop.home);
  for (const [service, metric] of [
    ['gateway', metricNames.httpServerDuration],
    ['order', metricNames.sagaDuration],
    ['payment', metricNames.providerCallDuration],
  ] as const) {
    const metrics = await (await fetch(`${parts.find(({ name }) => name === service)?.url}/metrics`)).text();
    assert.match(metrics, new RegExp(`^${metric.name}_bucket.* # {trace_id="${traceId}"}`, 'm'), service);
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
  const logs = readdirSync(join(shop.home, 'log')).filter((file) => ours.test(file));
  assert.equal(logs.length, 6);
  const texts = [JSON.stringify(spans), ...logs.map((file) => readFileSync(join(shop.home, 'log', file), 'utf8'))];
  for (const secret of secrets) assert.ok(!texts.some((text) => text.includes(secret)), `${secret} was told`);
});

const ours = /^(gateway|order|inventory|payment|notification|psp)\.log$/;

function systemOf(attributes: Readonly<Record<string, unknown>>): unknown {
  if (attributes['http.request.method'] !== undefined) return 'http';
  return attributes['db.system.name'] ?? attributes['messaging.system'] ?? attributes['network.protocol.name'];
}
