import { decodeJwt, decodeProtectedHeader } from 'jose';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openDoor, writeSessionKeys } from './test-door.ts';

test('a guest gets a session for an hour and is a new customer', async (t) => {
  const { open } = await openDoor(t);
  const [one, other] = [await open({}), await open({})];
  assert.notEqual(one.customerId, other.customerId);
  const claims = decodeJwt(one.token);
  assert.deepEqual(
    {
      iss: claims.iss,
      aud: claims.aud,
      sub: claims.sub,
      role: claims['role'],
      lifeSeconds: (claims.exp ?? 0) - (claims.iat ?? 0),
    },
    { iss: 'sagamart', aud: 'sagamart', sub: one.customerId, role: 'customer', lifeSeconds: 3_600 },
  );
  assert.equal('email' in claims, false);
  assert.equal(new Date(one.expiresAt).getTime() / 1000, claims.exp);
  const header = decodeProtectedHeader(one.token);
  assert.deepEqual({ alg: header.alg, kid: header.kid }, { alg: 'EdDSA', kid: 'current' });
});

test('a session renewed with a valid token is the same customer, with the same email unless a new one is given', async (t) => {
  const { open } = await openDoor(t);
  const first = await open({ email: 'ada@example.com' });
  const second = await open({}, { authorization: `Bearer ${first.token}` });
  const third = await open({ email: 'bob@example.com' }, { authorization: `Bearer ${second.token}` });
  assert.deepEqual([second.customerId, third.customerId], [first.customerId, first.customerId]);
  assert.equal(decodeJwt(second.token)['email'], 'ada@example.com');
  assert.equal(decodeJwt(third.token)['email'], 'bob@example.com');
});

test('a token from one replica is good at another with the same key file', async (t) => {
  const one = await openDoor(t);
  const other = await openDoor(t, { keysFile: one.keysFile });
  const { token, customerId } = await one.open({});
  assert.equal((await other.open({}, { authorization: `Bearer ${token}` })).customerId, customerId);
});

test('two guests with one email are two customers', async (t) => {
  const { open } = await openDoor(t);
  const [one, other] = [await open({ email: 'ada@example.com' }), await open({ email: 'ada@example.com' })];
  assert.notEqual(one.customerId, other.customerId);
});

test('an operator gets fifteen minutes for a name and the secret, and nothing for another secret', async (t) => {
  const { app, open } = await openDoor(t);
  const { token } = await open({ role: 'operator', name: 'ada', secret: 'local-only-operator' });
  const claims = decodeJwt(token);
  assert.deepEqual(
    [claims.sub, claims['role'], (claims.exp ?? 0) - (claims.iat ?? 0)],
    ['operator:ada', 'operator', 900],
  );
  const refused = await app.inject({
    method: 'POST',
    url: '/v1/sessions',
    payload: { role: 'operator', name: 'ada', secret: 'local-only-operatoR' },
  });
  assert.deepEqual([refused.statusCode, refused.json<{ code: string }>().code], [401, 'operator_refused']);
});

test('an operator session is not renewed without the secret, nor turned into a customer', async (t) => {
  const { app, operator } = await openDoor(t);
  const refused = await app.inject({ method: 'POST', url: '/v1/sessions', payload: {}, headers: await operator() });
  assert.deepEqual([refused.statusCode, refused.json<{ code: string }>().code], [403, 'operator_secret_required']);
});

test('a token that is forged, of another shop, unsigned or expired opens nothing', async (t) => {
  const { app, open, keysFile } = await openDoor(t);
  const stranger = await openDoor(t);
  const otherShop = await openDoor(t, { keysFile, env: { JWT_AUDIENCE: 'other' } });
  const short = await openDoor(t, { keysFile, env: { CUSTOMER_SESSION_LIFE: '1ms' } });
  short.deps.now = () => new Date(Date.now() - 60_000);
  const { token } = await open({});
  const [header = '', , signature = ''] = token.split('.');
  const claims = Buffer.from(JSON.stringify({ ...decodeJwt(token), role: 'operator', sub: 'operator:eve' })).toString(
    'base64url',
  );
  const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
  for (const bad of [
    `${header}.${claims}.${signature}`,
    `${unsigned}.${claims}.`,
    (await stranger.open({})).token,
    (await otherShop.open({})).token,
    (await short.open({})).token,
    'x',
    'a.b.c',
  ]) {
    const refused = await app.inject({
      method: 'POST',
      url: '/v1/sessions',
      payload: {},
      headers: { authorization: `Bearer ${bad}` },
    });
    assert.equal(refused.statusCode, 401, bad);
    assert.match(String(refused.headers['www-authenticate']), /^Bearer /);
    assert.equal(refused.json<{ code: string }>().code, 'unauthorized');
  }
});

test('the public key set lists the signing key and the next one, and no private half', async (t) => {
  const { app } = await openDoor(t);
  const answer = await app.inject('/.well-known/jwks.json');
  const { keys } = answer.json<{ keys: Record<string, string>[] }>();
  assert.deepEqual(
    keys.map(({ kid }) => kid),
    ['current', 'next'],
  );
  for (const key of keys) assert.deepEqual(Object.keys(key).toSorted(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
});

test('a session signed with an earlier key is good for as long as that key is listed', async (t) => {
  const { app, open, keysFile } = await openDoor(t);
  const early = await open({});
  const renew = () =>
    app.inject({
      method: 'POST',
      url: '/v1/sessions',
      payload: {},
      headers: { authorization: `Bearer ${early.token}` },
    });
  const { keys } = JSON.parse(readFileSync(keysFile, 'utf8')) as { keys: unknown[] };
  writeFileSync(keysFile, JSON.stringify({ keys: keys.toReversed() }));
  await until(async () => decodeProtectedHeader((await open({})).token).kid === 'next');
  assert.equal((await renew()).json<{ customerId: string }>().customerId, early.customerId);
  writeFileSync(keysFile, JSON.stringify({ keys: keys.slice(1) }));
  await until(async () => (await renew()).statusCode === 401);
});

test('a new key file is used within two seconds, without a restart; a damaged one changes nothing', async (t) => {
  const { open, keysFile } = await openDoor(t);
  const kidNow = async () => decodeProtectedHeader((await open({})).token).kid;
  assert.equal(await kidNow(), 'current');
  writeSessionKeys(keysFile, ['next', 'later']);
  await until(async () => (await kidNow()) === 'next');
  writeFileSync(keysFile, '{"keys":[');
  const damagedAtMs = performance.now();
  await until(async () => {
    assert.equal(await kidNow(), 'next');
    return performance.now() - damagedAtMs > 1_200;
  });
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const endAtMs = performance.now() + 2_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < endAtMs, 'not within 2 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
