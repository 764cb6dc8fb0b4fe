import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import { blockedPorts } from './blocked-ports.ts';
import { chooseHome, makeHome } from './home.ts';
import { defaultPorts, readPorts, readValues } from './settings.ts';

const localEnv = readFileSync(join(import.meta.dirname, '../../../infra/local.env'), 'utf8');

test('an offset moves every port, and a port named by itself is taken as it is', () => {
  const ports = readPorts({ SAGAMART_PORT_OFFSET: '1000', ORDER_PORT: '4711' });
  assert.equal(ports.GATEWAY_PORT, defaultPorts.GATEWAY_PORT + 1000);
  assert.equal(ports.ORDER_PORT, 4711);
});

test('a port that cannot be is refused by the name of its variable', () => {
  assert.throws(() => readPorts({ ORDER_PORT: 'abc' }), /ORDER_PORT would be abc/);
  assert.throws(() => readPorts({ SAGAMART_PORT_OFFSET: '60000' }), /would be \d+; expected a port from 1 to 65535/);
  assert.throws(() => readPorts({ SAGAMART_PORT_OFFSET: 'x' }), /SAGAMART_PORT_OFFSET/);
  assert.throws(() => readPorts({ ORDER_PORT: '8080' }), /ORDER_PORT and GATEWAY_PORT are both 8080/);
});

test('a port that HTTP clients refuse is refused for what speaks HTTP, and only for that', async () => {
  assert.throws(() => readPorts({ SAGAMART_PORT_OFFSET: '9000' }), /MAIL_PORT would be 10080, which browsers and Node/);
  assert.throws(() => readPorts({ ORDER_PORT: '6000' }), /ORDER_PORT would be 6000/);
  assert.equal(readPorts({ ORDER_DB_PORT: '6000' }).ORDER_DB_PORT, 6000);
  for (const port of blockedPorts)
    await assert.rejects(fetch(`http://127.0.0.1:${port}`), ({ cause }) => /bad port/.test(String(cause)), `${port}`);
});

test('the environment wins over infra/local.env, and brings limits that the file does not name', () => {
  const values = readValues('CHECKOUT_DEADLINE=60s\nPSP_API_KEY=a', {
    CHECKOUT_DEADLINE: '5s',
    RATE_LIMIT_BURST: '9',
    HOME: '/x',
  });
  assert.deepEqual(values, { CHECKOUT_DEADLINE: '5s', PSP_API_KEY: 'a', RATE_LIMIT_BURST: '9' });
});

test('every committed secret says that it is for local use only', () => {
  const secrets = Object.entries(parseEnv(localEnv)).filter(([name]) => /PASSWORD|SECRET|API_KEY/.test(name));
  assert.ok(secrets.length >= 19);
  for (const [name, value] of secrets) assert.match(value ?? '', /^local-only-/, name);
});

test('a home whose path is too long for a socket is refused, and the default one moves', () => {
  const deep = `/tmp/${'x'.repeat(100)}`;
  assert.throws(() => chooseHome('/checkout', deep), /SAGAMART_HOME=.* longer than a unix socket allows/);
  assert.match(chooseHome(deep, undefined), /^\/var\/tmp\/sagamart-[0-9a-f]{12}$/);
});

test('an empty SAGAMART_HOME is none, not the folder one stands in', () => {
  assert.equal(chooseHome('/srv/checkout', ''), chooseHome('/srv/checkout', undefined));
});

test('a folder with other things in it is no home, because --fresh removes what a home holds', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sagamart-home-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  makeHome(folder);
  makeHome(folder);
  writeFileSync(join(folder, 'thesis.txt'), '');
  assert.throws(() => makeHome(folder), /holds other things \(thesis\.txt\).*SAGAMART_HOME/);
});

test('a home that cannot be made is told with its variable', () => {
  assert.throws(() => makeHome('/proc/no/home'), /\/proc\/no\/home cannot be made \(ENOENT\).*SAGAMART_HOME/);
});
