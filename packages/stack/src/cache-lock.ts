import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Lock = { readonly release: () => void };

/**
 * Takes a lock that the kernel frees with the process: a name in the abstract socket space, so a crash leaves no file. Undefined when another
 * process holds it.
 */
export async function tryLock(name: string): Promise<Lock | undefined> {
  const server = createServer();
  // The owner's uid is in the name, or one user's shop could be locked out by another's.
  const hash = createHash('sha256').update(`${process.getuid?.()}:${name}`).digest('hex').slice(0, 32);
  server.listen(`\0sagamart-${hash}`);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return { release: () => server.close() };
}

const LOOK_AGAIN_MS = 200;

/**
 * Sees to it that a file or folder of the cache exists. One process makes it, the others say that they wait for that one, until the signal aborts. `make`
 * puts it there only whole.
 */
export async function ensureCached(
  path: string,
  { waiting, signal }: { waiting: () => void; signal: AbortSignal },
  make: () => Promise<void>,
): Promise<void> {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const lock = await waitForLock(path, waiting, signal);
  try {
    if (!existsSync(path)) await make();
  } finally {
    lock.release();
  }
}

/** Like tryLock, but waits for whoever holds it until the signal aborts. */
export async function waitForLock(name: string, waiting: () => void, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    const lock = await tryLock(name);
    if (lock !== undefined) return lock;
    waiting();
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}
