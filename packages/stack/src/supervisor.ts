import { appendFileSync } from 'node:fs';
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ActOptions } from './control.ts';
import type { Part, PartStatus } from './part.ts';
import { logFile } from './part-log.ts';
import { PartRunner } from './part-runner.ts';
import type { PartAction } from './shop.ts';
import { StackProblem } from './stack-problem.ts';
import { describePart } from './status-table.ts';

export type ShopState = 'starting' | 'running' | 'degraded' | 'stopping' | 'stopped';

export type ShopStatus = {
  readonly state: ShopState;
  readonly target: 'native' | 'compose';
  readonly supervisorPid?: number;
  readonly parts: readonly PartStatus[];
};

/** Keeps a list of parts up: starts them in the order of what they need, restarts what dies, and stops them in the opposite order. */
export class Supervisor {
  private readonly runners = new Map<string, PartRunner>();
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private readonly home: string;
  private phase: 'starting' | 'up' | 'stopping' = 'starting';

  constructor(parts: readonly Part<string>[], home: string) {
    this.home = home;
    const around = {
      home,
      whenRunning: (names: readonly string[], signal: AbortSignal) => this.whenRunning(names, signal),
      log: (line: string) => this.log(line),
      changed: () => void this.changes.emit('change'),
    };
    for (const part of parts) this.runners.set(part.name, new PartRunner(part, around));
  }

  status(): ShopStatus {
    const parts = [...this.runners.values()].map((runner) => runner.status());
    const allRun = parts.every((part) => part.state === 'running');
    const state = this.phase === 'up' ? (allRun ? 'running' : 'degraded') : this.phase;
    return { state, target: 'native', supervisorPid: process.pid, parts };
  }

  /** Resolves when every part runs; throws the message of the first that cannot. */
  async start(): Promise<void> {
    for (const runner of this.runners.values()) runner.start({ inOrder: true });
    for (;;) {
      const { parts } = this.status();
      if (this.phase === 'stopping') throw new StackProblem('stopped', 'The shop was stopped before it was up.');
      const failed = parts.find((part) => part.state === 'failed');
      if (failed !== undefined) throw new StackProblem('part_failed', failed.detail ?? `${failed.name} did not start.`);
      if ([...this.runners.values()].every((runner) => runner.isRunning())) break;
      await once(this.changes, 'change');
    }
    this.phase = 'up';
  }

  /** Resolves when the part runs, whatever it was told before; throws when it failed, is told to stop meanwhile, or the shop is closing. */
  async startPart(name: string): Promise<void> {
    const runner = this.runner(name);
    if (this.phase === 'stopping') throw new StackProblem('stopping', `The shop is stopping: ${name} is not started.`);
    if (runner.status().state === 'paused')
      throw new StackProblem('paused', `${name} is paused. Let it go on with: npm run stack -- resume ${name}`);
    const signal = runner.start({ inOrder: false });
    try {
      await this.whenRunning([name], signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new StackProblem('stopped', `${name} was stopped before it was up.`, { cause: error });
    }
  }

  /** Does to one part what somebody asked for, and resolves when it is done. Throws a StackProblem `not_in_time` when that takes too long. */
  async actOnPart(name: string, action: PartAction, { leave, withinMs }: ActOptions): Promise<void> {
    const runner = this.runner(name);
    this.log(`${name}: asked to ${action}${leave ? ' and leave it alone' : ''}`);
    const done = new AbortController();
    const late = delay(withinMs, undefined, { signal: done.signal }).then(() => {
      throw notInTime(runner.status(), action, withinMs);
    });
    try {
      await Promise.race([this.doToPart(runner, action, leave), late]);
    } finally {
      done.abort();
    }
  }

  private async doToPart(runner: PartRunner, action: PartAction, leave: boolean): Promise<void> {
    switch (action) {
      case 'stop':
        return runner.stop();
      case 'restart':
        await runner.stop();
        return this.startPart(runner.part.name);
      case 'start':
        return this.startPart(runner.part.name);
      case 'kill':
        return runner.kill({ leave });
      case 'pause':
        return runner.pause();
      case 'resume':
        return runner.resume();
      default:
        return action satisfies never;
    }
  }

  /** Stops everything, each part before those it needs. Resolves when no process is left. */
  async stop(): Promise<void> {
    this.phase = 'stopping';
    this.changes.emit('change');
    const stopping = new Map<string, Promise<void>>();
    const stopPart = (runner: PartRunner): Promise<void> => {
      const { name } = runner.part;
      const known = stopping.get(name);
      if (known !== undefined) return known;
      const dependents = [...this.runners.values()].filter(({ part }) =>
        [...part.after, ...(part.settleAfter ?? [])].includes(name),
      );
      const stopped = Promise.all(dependents.map(stopPart)).then(() => runner.stop());
      stopping.set(name, stopped);
      return stopped;
    };
    await Promise.all([...this.runners.values()].map(stopPart));
  }

  runner(name: string): PartRunner {
    const runner = this.runners.get(name);
    if (runner === undefined)
      throw new StackProblem(
        'no_such_part',
        `There is no part '${name}'. Parts: ${[...this.runners.keys()].join(', ')}.`,
      );
    return runner;
  }

  allRunners(): PartRunner[] {
    return [...this.runners.values()];
  }

  /** Resolves when the parts run; rejects when one has failed or the signal aborts. */
  async whenRunning(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const waitedFor = names.filter((name) => this.runners.has(name)).map((name) => this.runner(name));
      const failed = waitedFor.find((runner) => runner.status().state === 'failed');
      if (failed !== undefined)
        throw new StackProblem('part_failed', failed.status().detail ?? `${failed.part.name} failed.`);
      if (waitedFor.every((runner) => runner.isRunning())) return;
      await once(this.changes, 'change', { signal });
    }
  }

  log(line: string): void {
    try {
      appendFileSync(logFile(this.home, 'supervisor'), `${new Date().toISOString()} ${line}\n`);
    } catch {
      // A full disk, or a home that was removed under us: the parts must be looked after and stopped all the same.
    }
  }
}

function notInTime(part: PartStatus, action: PartAction, withinMs: number): StackProblem {
  const { name } = part;
  return new StackProblem(
    'not_in_time',
    `${name} was to ${action} within ${withinMs / 1_000} s and is not done. ${describePart(part)}. The supervisor goes on trying. ` +
      `Why: npm run stack -- logs ${name}. Give it up: npm run stack -- stop ${name}. Wait longer: --wait <seconds>.`,
  );
}
