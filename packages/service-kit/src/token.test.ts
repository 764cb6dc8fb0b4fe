import { createLogger } from '@sagamart/telemetry/logger';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createHttpApp } from './http-app.ts';
import { Problem } from './problem.ts';
import { callerOf, createTokenVerifier, requireCaller, requireOperator } from './token.ts';

const customerId = '0199c0de-7a3b-7c11-8a52-3f6f0b8f7a01';
const customer = { role: 'customer', sub: customerId };

test('a customer and an operator are told apart, and the token is checked by the service itself', async (t) => {
  const { verifier, token } = await issuer(t);
  assert.deepEqual(await verifier.verify(`Bearer ${await token(customer)}`), {
    kind: 'customer',
    customerId,
    email: null,
  });
  assert.deepEqual(await verifier.verify(`bearer ${await token({ ...customer, email: 'a@b.c' })}`), {
    kind: 'customer',
    customerId,
    email: 'a@b.c',
  });
  assert.deepEqual(await verifier.verify(`Bearer ${await token({ role: 'operator', sub: 'operator:ada' })}`), {
    kind: 'operator',
    name: 'ada',
  });
});

test('no token, another scheme, a wrong claim, an expired token and another algorithm are refused with 401', async (t) => {
  const { verifier, token } = await issuer(t);
  const secret = new TextEncoder().encode('x'.repeat(32));
  const symmetric = await new SignJWT(customer)
    .setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .setIssuer('sagamart')
    .setAudience('sagamart')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(secret);
  const headers = [
    undefined,
    '',
    'Bearer',
    'Basic YTpi',
    'Bearer a.b.c',
    `Bearer ${symmetric}`,
    `Bearer ${'a'.repeat(9_000)}`,
    `Bearer ${await token({ ...customer, role: 'root' })}`,
    `Bearer ${await token({ ...customer, sub: 'me' })}`,
    `Bearer ${await token({ role: 'operator', sub: customerId })}`,
    `Bearer ${await token(customer, { issuer: 'other' })}`,
    `Bearer ${await token(customer, { audience: 'other' })}`,
    `Bearer ${await token(customer, { lifeSeconds: -60 })}`,
  ];
  for (const header of headers) {
    await assert.rejects(verifier.verify(header), (error) => {
      assert.ok(error instanceof Problem, header);
      assert.deepEqual([error.status, error.code], [401, 'unauthorized'], header);
      return (error.headers['www-authenticate'] ?? '').startsWith('Bearer realm="sagamart"');
    });
  }
});

test('the keys are kept on disk: a service that starts while the gateway is down still knows its customers', async (t) => {
  const { verifier, token, config, stop } = await issuer(t);
  const header = `Bearer ${await token(customer)}`;
  await verifier.verify(header);
  assert.equal((await readFile(config.JWKS_CACHE_FILE, 'utf8')).slice(0, 9), '{"keys":[');
  await stop();
  assert.equal((await createTokenVerifier(config).verify(header)).kind, 'customer');
});

test('with no keys at all a token is answered 503, not refused', async (t) => {
  const { token, config, stop } = await issuer(t);
  await stop();
  await assert.rejects(
    createTokenVerifier(config).verify(`Bearer ${await token(customer)}`),
    (error) => error instanceof Problem && error.status === 503 && error.headers['retry-after'] === '1',
  );
});

test('a damaged key file is fetched again', async (t) => {
  const { token, config } = await issuer(t);
  await writeFile(config.JWKS_CACHE_FILE, '{"keys":[{');
  assert.equal((await createTokenVerifier(config).verify(`Bearer ${await token(customer)}`)).kind, 'customer');
});

test('an unknown key makes a service ask the gateway, at most once in ten seconds', async (t) => {
  const shop = await issuer(t);
  await shop.verifier.verify(`Bearer ${await shop.token(customer)}`);
  const asked = shop.asked();
  for (let i = 0; i < 5; i++)
    await assert.rejects(shop.verifier.verify(`Bearer ${await shop.token(customer, { kid: 'two' })}`));
  assert.equal(shop.asked(), asked);
  const restarted = createTokenVerifier(shop.config);
  await shop.rotate('two');
  assert.equal((await restarted.verify(`Bearer ${await shop.token(customer, { kid: 'two' })}`)).kind, 'customer');
});

test('a route for operators refuses customers with 403, and a route behind a session knows its caller', async (t) => {
  const { verifier, token } = await issuer(t);
  const app = createHttpApp({ logger: createLogger({ service: 'test', level: 'silent' }) });
  app.get('/me', { preHandler: requireCaller(verifier) }, (request) => callerOf(request));
  app.get('/operators', { preHandler: requireOperator(verifier) }, (request) => callerOf(request));
  app.get('/forgot', (request) => callerOf(request));
  const as = async (url: string, claims: JWTPayload) => {
    const answer = await app.inject({ url, headers: { authorization: `Bearer ${await token(claims)}` } });
    return [
      answer.statusCode,
      answer.json<{ code?: string; kind?: string }>().code ?? answer.json<{ kind: string }>().kind,
    ];
  };
  assert.deepEqual(await as('/me', customer), [200, 'customer']);
  assert.deepEqual(await as('/operators', customer), [403, 'operator_only']);
  assert.deepEqual(await as('/operators', { role: 'operator', sub: 'operator:ada' }), [200, 'operator']);
  assert.equal((await app.inject('/operators')).statusCode, 401);
  assert.deepEqual(await as('/forgot', customer), [500, 'internal']);
});

/** A gateway's key endpoint on a free port, and tokens signed with its keys. */
async function issuer(t: TestContext) {
  const keys = new Map<string, CryptoKey>();
  let listed: object[] = [];
  let asked = 0;

  async function rotate(kid: string): Promise<void> {
    const pair = await generateKeyPair('EdDSA', { extractable: true });
    keys.set(kid, pair.privateKey);
    listed = [...listed, { ...(await exportJWK(pair.publicKey)), kid, alg: 'EdDSA' }];
  }

  await rotate('one');
  const server = createServer((_request, response) => {
    asked += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: listed }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.after(stop);
  const folder = await mkdtemp(join(tmpdir(), 'token-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = {
    JWKS_URL: `http://127.0.0.1:${address.port}/.well-known/jwks.json`,
    JWKS_CACHE_FILE: join(folder, 'jwks.json'),
    JWT_ISSUER: 'sagamart',
    JWT_AUDIENCE: 'sagamart',
  };
  type Changes = { issuer?: string; audience?: string; lifeSeconds?: number; kid?: string };

  async function token(claims: JWTPayload, changes: Changes = {}): Promise<string> {
    const kid = changes.kid ?? 'one';
    const key = keys.get(kid) ?? (await generateKeyPair('EdDSA')).privateKey;
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid })
      .setIssuer(changes.issuer ?? 'sagamart')
      .setAudience(changes.audience ?? 'sagamart')
      .setIssuedAt(now)
      .setExpirationTime(now + (changes.lifeSeconds ?? 60))
      .sign(key);
  }

  return { config, verifier: createTokenVerifier(config), token, rotate, stop, asked: () => asked };
}
