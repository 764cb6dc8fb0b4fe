import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { exportJWK, generateKeyPair } from 'jose';

/** Makes the file with the gateway's private signing keys, present one first, then the next; leaves an existing one as it is. RFC 7517, Ed25519. */
export async function ensureSessionKeys(file: string): Promise<void> {
  if (existsSync(file)) return;
  const keys = await Promise.all(['current', 'next'].map(makeKey));
  writeFileSync(`${file}.part`, JSON.stringify({ keys }, undefined, 2), { mode: 0o600 });
  renameSync(`${file}.part`, file);
}

async function makeKey(name: string): Promise<Record<string, unknown>> {
  const { privateKey } = await generateKeyPair('Ed25519', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: `${name}-${Date.now()}`, alg: 'EdDSA', use: 'sig' };
}
