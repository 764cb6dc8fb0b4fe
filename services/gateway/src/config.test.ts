import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGatewayConfig } from './config.ts';

const right = {
  PORT: '8080',
  SHOP_LOCAL: '1',
  ORDER_URL: 'http://127.0.0.1:3001',
  INVENTORY_URL: 'http://inventory:3002',
  PAYMENT_URL: 'https://payment.example',
  NOTIFICATION_URL: 'http://[::1]:3004',
  REDIS_URL: 'redis://127.0.0.1:6379',
  SESSION_KEYS_FILE: '/run/keys.json',
  OPERATOR_SECRET: 'local-only-operator',
  TRUSTED_PROXIES: '10.0.0.1,10.0.0.0/8,fe80::/10',
  CORS_ORIGINS: 'https://shop.example,http://127.0.0.1:5173',
};

test('addresses, ranges and origins are taken as they are', () => {
  const { TRUSTED_PROXIES, INVENTORY_URL, NOTIFICATION_URL } = loadGatewayConfig(right);
  assert.deepEqual(
    [TRUSTED_PROXIES, INVENTORY_URL, NOTIFICATION_URL],
    [right.TRUSTED_PROXIES, right.INVENTORY_URL, right.NOTIFICATION_URL],
  );
});

for (const [variable, text] of [
  ['ORDER_URL', 'http://127.0.0.1:99999'],
  ['ORDER_URL', 'http://127.0.0.1:3001/orders'],
  ['REDIS_URL', 'redis://127.0.0.1:99999'],
  ['TRUSTED_PROXIES', '999.1.1.1'],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', '10.0.0.1,'],
  ['TRUSTED_PROXIES', 'proxy.example'],
  ['CORS_ORIGINS', 'https://shop.example/'],
] as const) {
  test(`${variable}=${text} stops the gateway with the variable's name`, () => {
    assert.throws(
      () => loadGatewayConfig({ ...right, [variable]: text }),
      (error) => error instanceof Error && error.message.includes(`${variable}: is not valid; expected `),
    );
  });
}
