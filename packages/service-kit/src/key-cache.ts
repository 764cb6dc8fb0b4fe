import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from './problem.ts';

/**
 * Public signing keys (JWKS, RFC 7517) by address, kept in memory and in a file. Fetched when nothing is known, when a token names an unknown key
 * (at most once per 10 s), and again after 10 min so that a withdrawn key stops counting. Throws Problem 503 when no key can be had at all.
 */
export function createKeyCache(options: { url: string; file: string }): { keyOf: JWTVerifyGetKey } {
  let keys: JWTVerifyGetKey | null = null;
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;

  async function refresh(): Promise<void> {
    const wasJustAsked = performance.now() - askedAtMs < refetchPauseMs;
    if (asking === null && wasJustAsked && keys !== null) return;
    asking ??= fetchKeys().finally(() => (asking = null));
    await asking;
  }

  async function fetchKeys(): Promise<void> {
    askedAtMs = performance.now();
    try {
      const response = await fetch(options.url, { signal: AbortSignal.timeout(fetchTimeoutMs) });
      if (!response.ok) throw new Error(`${options.url} answered ${response.status}`);
      const set: unknown = await response.json();
      if (!isKeySet(set)) throw new Error(`${options.url} did not answer a JSON Web Key Set`);
      keys = createLocalJWKSet(set);
      fetchedAtMs = performance.now();
      await keep(set);
    } catch (cause) {
      if (keys !== null) return;
      throw new Problem({
        status: 503,
        code: 'keys_unavailable',
        detail: 'The keys that sign sessions cannot be read just now. Try again shortly.',
        headers: { 'retry-after': '1' },
        cause,
      });
    }
  }

  async function keep(set: JSONWebKeySet): Promise<void> {
    const draft = `${options.file}.${randomUUID()}`;
    try {
      await mkdir(dirname(options.file), { recursive: true });
      await writeFile(draft, JSON.stringify(set));
      await rename(draft, options.file);
    } catch {
      // Without the file this process still has the keys; only a restart while the gateway is down would miss them.
      await rm(draft, { force: true });
    }
  }

  async function fromFile(): Promise<void> {
    try {
      const set: unknown = JSON.parse(await readFile(options.file, 'utf8'));
      if (isKeySet(set)) keys ??= createLocalJWKSet(set);
    } catch {
      // No file yet, or a damaged one: the keys are fetched instead.
    }
  }

  return {
    async keyOf(header, token) {
      if (keys === null) await fromFile();
      if (keys === null) await refresh();
      else if (performance.now() - fetchedAtMs > keysLifeMs) void refresh();
      try {
        return await known()(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refresh();
        return known()(header, token);
      }
    },
  };

  function known(): JWTVerifyGetKey {
    if (keys === null)
      throw new Problem({ status: 503, code: 'keys_unavailable', detail: 'No signing keys yet. Try again shortly.' });
    return keys;
  }
}

const refetchPauseMs = 10_000;
const keysLifeMs = 600_000;
const fetchTimeoutMs = 2_000;

const KeySet = Type.Object({
  keys: Type.Array(Type.Object({ kty: Type.Literal('OKP'), crv: Type.String(), x: Type.String(), kid: Type.String() })),
});

function isKeySet(value: unknown): value is JSONWebKeySet {
  return Value.Check(KeySet, value);
}
