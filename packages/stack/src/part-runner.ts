import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Part, PartState, PartStatus, Sight } from './part.ts';
import { tailOfLog } from './part-log.ts';
import { endPart, type PartProcess, spawnPart } from './part-process.ts';
import { readProcess, signalTree } from './process-table.ts';
import { messageOf, StackProblem } from './stack-problem.ts';

/** What a part's runner needs from its surroundings. */
export type Surroundings = {
  readonly home: string;
  /** Resolves when these parts run; rejects when the signal says so. */
  readonly whenRunning: (names: readonly string[], signal: AbortSignal) => Promise<void>;
  readonly log: (line: string) => void;
  readonly changed: () => void;
};

// A part that keeps dying is given up after this many deaths in a row; before the shop was ever up, sooner: then it is a mistake, not an accident.
const DEATHS_IN_A_ROW_MAX = 12;
const DEATHS_AT_START_MAX = 3;
const RESTART_AFTER_MS_MIN = 200;
const RESTART_AFTER_MS_MAX = 15_000;
// Up this long, and earlier deaths are forgotten.
const HEALTHY_AFTER_MS = 20_000;
const PROBE_EVERY_MS = 100;
const LOG_TAIL_LINES = 15;
/** A part that starts and has not answered for this long says why. */
const UNANSWERED_MS = 1_000;

const well: Sight = { state: 'running', words: [] };

/** Keeps one part up as long as it is wanted: starts it, waits until it is of use, starts it again when it dies. */
export class PartRunner {
  readonly part: Part<string>;
  private readonly around: Surroundings;
  private state: PartState = 'stopped';
  private since = new Date();
  private detail: string | undefined;
  private sight: Sight = well;
  private sightSince = new Date();
  private beforePause: PartState = 'running';
  private process: PartProcess | undefined;
  private wanted = false;
  private wasUp = false;
  private cancel = new AbortController();
  private life: Promise<void> = Promise.resolve();

  constructor(part: Part<string>, around: Surroundings) {
    this.part = part;
    this.around = around;
  }

  status(): PartStatus {
    const { name, kind, url } = this.part;
    const detail = [...this.sight.words, this.detail].filter((text) => text !== undefined).join('; ');
    const pid = this.process?.pid;
    const isUnwell = this.state === 'running' && this.sight.state !== 'running';
    return {
      name,
      kind,
      url,
      ...(pid !== undefined && { pid }),
      state: isUnwell ? this.sight.state : this.state,
      since: (isUnwell ? this.sightSince : this.since).toISOString(),
      ...(detail !== '' && { detail }),
    };
  }

  isRunning(): boolean {
    return this.state === 'running';
  }

  /** What a look at the part found; it stands in the status until the next. */
  see(sight: Sight = well): void {
    if (sight.state !== this.sight.state) this.sightSince = new Date();
    const [words, before] = [sight.words, this.sight.words].map((all) => all.join('; '));
    // The numbers in it change with every look; the log is told of what is new.
    if (words?.replaceAll(/\d+/g, '') !== before?.replaceAll(/\d+/g, ''))
      this.around.log(`${this.part.name}: ${words === '' ? 'alarm is over' : `ALARM: ${words}`}`);
    this.sight = sight;
    this.around.changed();
  }

  /** Whether somebody has stopped the process in its tracks, by this supervisor or past it. */
  standsStill(): boolean {
    return this.process !== undefined && readProcess(this.process.pid)?.state === 'T';
  }

  /**
   * From now on the part is to be up; the signal aborts when it no longer is. Parts it needs are waited for only when `inOrder`: by hand, everything
   * can be started at any time.
   */
  start({ inOrder }: { inOrder: boolean }): AbortSignal {
    if (this.wanted) return this.cancel.signal;
    this.wanted = true;
    const { signal } = (this.cancel = new AbortController());
    if (this.state === 'failed') this.become('starting');
    // A life that is just ending must be over first, or two would each keep a process.
    this.life = this.life.then(() => this.live(inOrder, signal));
    return signal;
  }

  /** From now on the part is to be down; resolves when it is. */
  async stop(): Promise<void> {
    this.wanted = false;
    if (this.process !== undefined) this.become('stopping');
    this.cancel.abort();
    await this.life;
    if (!this.wanted && this.state !== 'stopped') this.become('stopped');
  }

  /** Ends the part's processes without warning, as a crash would. It comes back by itself unless `leave`. */
  async kill({ leave }: { leave: boolean }): Promise<void> {
    const running = this.livingProcess();
    signalTree(running.pid, 'SIGKILL');
    if (leave) {
      this.wanted = false;
      this.cancel.abort();
    }
    await running.end;
    if (leave) await this.life;
  }

  pause(): void {
    signalTree(this.livingProcess().pid, 'SIGSTOP');
    if (this.state !== 'paused') this.beforePause = this.state;
    this.become('paused');
  }

  resume(): void {
    if (this.state !== 'paused' && !this.standsStill())
      throw new StackProblem('not_paused', `${this.part.name} is ${this.state}, not paused.`);
    signalTree(this.livingProcess().pid, 'SIGCONT');
    this.goOn();
  }

  /** A paused part that goes on is what it was before. */
  goOn(): void {
    if (this.state === 'paused') this.become(this.beforePause);
  }

  private livingProcess(): PartProcess {
    if (this.process !== undefined) return this.process;
    const { name } = this.part;
    const message = `${name} is ${this.state}: it has no process. Start it with: npm run stack -- start ${name}`;
    throw new StackProblem('not_up', message);
  }

  private async live(inOrder: boolean, signal: AbortSignal): Promise<void> {
    let deaths = 0;
    while (!signal.aborted) {
      const began = Date.now();
      try {
        await this.liveOnce(inOrder && deaths === 0, signal);
      } catch (error) {
        if (error instanceof StackProblem && !signal.aborted) {
          this.wanted = false;
          return this.become('failed', error.message);
        }
        this.detail = messageOf(error);
      }
      if (signal.aborted) break;
      deaths = this.wasUp && Date.now() - began > HEALTHY_AFTER_MS ? 1 : deaths + 1;
      if (deaths >= (this.wasUp ? DEATHS_IN_A_ROW_MAX : DEATHS_AT_START_MAX)) {
        this.wanted = false;
        const { name } = this.part;
        return this.become(
          'failed',
          `${name} ended ${deaths} times in a row (${this.detail ?? 'no reason known'}). The end of its log:\n${tailOfLog(this.around.home, name, LOG_TAIL_LINES)}`,
        );
      }
      const afterMs = Math.min(RESTART_AFTER_MS_MIN * 2 ** (deaths - 1), RESTART_AFTER_MS_MAX);
      this.become('restarting', `${this.detail ?? 'it ended'}; starts again after ${afterMs} ms`);
      await delay(afterMs, undefined, { signal }).catch(() => undefined);
    }
    this.become('stopped');
  }

  // Returns or throws when the process is gone, whoever ended it.
  private async liveOnce(inOrder: boolean, signal: AbortSignal): Promise<void> {
    const say = (detail: string) => this.become(this.state, detail);
    if (inOrder && this.part.after.length > 0) {
      this.become('waiting', `for ${this.part.after.join(', ')}`);
      await this.around.whenRunning(this.part.after, signal);
    }
    this.become('starting');
    await this.part.prepare?.(say, signal);
    signal.throwIfAborted();
    const process = await spawnPart(this.around.home, this.part);
    this.process = process;
    const over = AbortSignal.any([signal, process.gone]);
    let problem: unknown;
    try {
      if (!over.aborted) {
        const end = once(over, 'abort');
        // What is asked of a process may never be answered; a stop does not wait for it.
        await Promise.race([this.becomeReady(inOrder, over, (detail) => over.aborted || say(detail)), end]);
        await end;
      }
    } catch (error) {
      problem = error;
    }
    const endedByItself = process.gone.aborted;
    await endPart(this.part, process, () => this.around.log(`${this.part.name}: does not stop and is killed`));
    const { words, wasKilled } = await process.end;
    this.process = undefined;
    this.part.ended?.(signal.aborted && !wasKilled);
    this.around.log(`${this.part.name}: ended (${words})`);
    if (problem instanceof StackProblem) throw problem;
    this.detail = endedByItself || problem === undefined ? `ended with ${words}` : messageOf(problem);
  }

  private async becomeReady(inOrder: boolean, signal: AbortSignal, say: (detail: string) => void): Promise<void> {
    const { part } = this;
    const began = Date.now();
    const deadline = began + part.readyWithinMs;
    for (;;) {
      signal.throwIfAborted();
      try {
        await part.probe();
        break;
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`did not answer within ${part.readyWithinMs / 1000} s (${messageOf(error)})`, {
            cause: error,
          });
        if (Date.now() > began + UNANSWERED_MS) say(messageOf(error));
      }
      await delay(PROBE_EVERY_MS, undefined, { signal });
    }
    if (part.settle !== undefined) {
      if (inOrder && part.settleAfter !== undefined) await this.around.whenRunning(part.settleAfter, signal);
      await part.settle(say);
    }
    signal.throwIfAborted();
    this.wasUp = true;
    this.become('running');
  }

  private become(state: PartState, detail?: string): void {
    if (state !== this.state) {
      if (state === 'running') this.see();
      this.since = new Date();
      this.around.log(`${this.part.name}: ${state}${detail === undefined ? '' : ` (${detail})`}`);
    }
    this.state = state;
    this.detail = detail;
    this.around.changed();
  }
}
