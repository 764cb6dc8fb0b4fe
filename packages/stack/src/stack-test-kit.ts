import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeHome } from './home.ts';
import type { Part } from './part.ts';
import { Supervisor } from './supervisor.ts';

const usersOf = new Map<string, (() => Promise<void>)[]>();

/** A home of the test's own, removed after it, when everyone who uses it has ended. */
export function freshHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'sagamart-stack-'));
  makeHome(home);
  usersOf.set(home, []);
  t.after(async () => {
    await Promise.all((usersOf.get(home) ?? []).map((end) => end()));
    rmSync(home, { recursive: true, force: true });
  });
  return home;
}

/** Says how to end something that uses the home. Hooks of the test itself would run too late: they run in the order they were made. */
export function endBeforeHome(home: string, end: () => Promise<void>): void {
  usersOf.get(home)?.push(end);
}

/** A part that is one cheap shell process. Up at once unless the test says otherwise. */
export function shellPart(name: string, script: string, more: Partial<Part<string>> = {}): Part<string> {
  return {
    name,
    kind: 'service',
    url: `test:${name}`,
    ports: [],
    after: [],
    command: async () => ({ program: '/bin/sh', args: ['-c', script], env: { PATH: process.env.PATH ?? '' } }),
    probe: async () => undefined,
    stopSignal: 'SIGTERM',
    readyWithinMs: 5_000,
    stopWithinMs: 2_000,
    ...more,
  };
}

/** A process that runs until it is ended. */
export const forever = 'exec sleep 600';

/** A supervisor over these parts that is stopped after the test, whatever happens in it. */
export function superviseInTest(
  t: TestContext,
  parts: readonly Part<string>[],
): { supervisor: Supervisor; home: string } {
  const home = freshHome(t);
  const supervisor = new Supervisor(parts, home);
  endBeforeHome(home, () => supervisor.stop());
  return { supervisor, home };
}

export function pidOf(supervisor: Supervisor, name: string): number {
  const pid = supervisor.runner(name).status().pid;
  if (pid === undefined) throw new Error(`${name} has no process`);
  return pid;
}

/** Waits until a condition holds; throws what was waited for after ten seconds, or as many as are given. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`within ${withinMs / 1_000} s it never was so that ${what}`);
    await delay(20);
  }
}
