import type { Logger } from '@sagamart/telemetry/logger';
import { createLocalJWKSet, importJWK, type CryptoKey, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { readFile, stat } from 'node:fs/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

/** The keys that sign sessions, as they are in the file now. */
export type SessionKeys = {
  /** The first key of the file. */
  signing(): Promise<{ kid: string; key: CryptoKey }>;
  /** The public halves of all keys, the coming one included, so that services know it before it signs. */
  publicSet(): Promise<JSONWebKeySet>;
  readonly keyOf: JWTVerifyGetKey;
};

/**
 * Reads the private keys that all replicas of the gateway share, and reads them again within a second after the file changed. Throws when the file
 * cannot be used at the start; a damaged change later is logged and the known keys stay.
 */
export async function openSessionKeys(file: string, logger: Logger): Promise<SessionKeys> {
  let loaded = await load(file);
  let checkedAtMs = performance.now();
  let checking: Promise<void> | null = null;

  async function check(): Promise<void> {
    try {
      if ((await stampOf(file)) !== loaded.stamp) {
        loaded = await load(file);
        logger.info({ kid: loaded.signing.kid }, 'session keys read again');
      }
    } catch (err) {
      logger.error({ err }, 'session keys changed but cannot be used; the earlier ones stay');
    }
    checkedAtMs = performance.now();
  }

  async function fresh(): Promise<Loaded> {
    if (performance.now() - checkedAtMs > checkEveryMs) {
      checking ??= check().finally(() => (checking = null));
      await checking;
    }
    return loaded;
  }

  return {
    signing: async () => (await fresh()).signing,
    publicSet: async () => (await fresh()).publicSet,
    keyOf: async (header, token) => (await fresh()).keyOf(header, token),
  };
}

type Loaded = {
  readonly stamp: string;
  readonly signing: { kid: string; key: CryptoKey };
  readonly publicSet: JSONWebKeySet;
  readonly keyOf: JWTVerifyGetKey;
};

const checkEveryMs = 1_000;

const PrivateKey = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String({ minLength: 43, maxLength: 43 }),
  d: Type.String({ minLength: 43, maxLength: 43 }),
  kid: Type.String({ minLength: 1, maxLength: 100 }),
});
const PrivateKeySet = Type.Object({ keys: Type.Array(PrivateKey, { minItems: 1, maxItems: 10 }) });

async function load(file: string): Promise<Loaded> {
  const stamp = await stampOf(file);
  const [first, ...others] = (await read(file)).keys;
  if (first === undefined) throw unusable(file);
  const key = await importJWK(first, 'EdDSA');
  if (key instanceof Uint8Array) throw unusable(file);
  const publicSet = { keys: [first, ...others].map(publicHalf) };
  return { stamp, signing: { kid: first.kid, key }, publicSet, keyOf: createLocalJWKSet(publicSet) };
}

async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs}-${size}-${ino}`;
  } catch (cause) {
    throw unusable(file, cause);
  }
}

async function read(file: string): Promise<Static<typeof PrivateKeySet>> {
  try {
    const set: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (Value.Check(PrivateKeySet, set)) return set;
  } catch (cause) {
    throw unusable(file, cause);
  }
  throw unusable(file);
}

function publicHalf({ kty, crv, x, kid }: Static<typeof PrivateKey>) {
  return { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' };
}

function unusable(file: string, cause?: unknown): Error {
  const expected = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":…,"d":…,"kid":…}, …]}';
  return new Error(`SESSION_KEYS_FILE ${file} cannot be used; expected a private JSON Web Key Set: ${expected}`, {
    cause,
  });
}
