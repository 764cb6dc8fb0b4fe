import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc shows it. Two readings with the same pid and startTicks are the same process; ids alone are given out again. */
export type ProcessEntry = {
  readonly pid: number;
  readonly parentPid: number;
  readonly state: string;
  readonly startTicks: number;
  /** User and system time of the process itself, in clock ticks. */
  readonly ownTicks: number;
  /** The same of its children that have ended. */
  readonly endedChildrenTicks: number;
};

export type ProcessIdentity = { readonly pid: number; readonly startTicks: number; readonly boot: string };

/** Clock ticks per second; fixed at 100 in Linux's interface to user space. */
export const TICKS_PER_SECOND = 100;

export function readProcess(pid: number): ProcessEntry | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The program's name stands in parentheses and may itself contain any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    state: fields[0] ?? '',
    parentPid: number(1),
    ownTicks: number(11) + number(12),
    endedChildrenTicks: number(13) + number(14),
    startTicks: number(19),
  };
}

/** What to write down about a process so that it can be recognised later. */
export function identify(pid: number): ProcessIdentity | undefined {
  const entry = readProcess(pid);
  return entry === undefined ? undefined : { pid, startTicks: entry.startTicks, boot: readBoot() };
}

/** Whether that very process still runs; a zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  const entry = readProcess(identity.pid);
  return (
    entry !== undefined &&
    entry.startTicks === identity.startTicks &&
    entry.state !== 'Z' &&
    identity.boot === readBoot()
  );
}

/** The process and everything it started, parents first. PostgreSQL's helpers leave the process group, so only parentage finds all of them. */
export function treeOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const entry of listProcesses()) {
    const siblings = childrenOf.get(entry.parentPid);
    if (siblings === undefined) childrenOf.set(entry.parentPid, [entry.pid]);
    else siblings.push(entry.pid);
  }
  const tree = [pid];
  for (const member of tree) tree.push(...(childrenOf.get(member) ?? []));
  return tree;
}

export function signalTree(pid: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  for (const member of treeOf(pid)) signalProcess(member, signal);
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Proportional set size in bytes: shared pages are divided among those who share them, so sums over processes are honest. */
export function residentBytes(pid: number): number {
  const rollup = readProc(`/proc/${pid}/smaps_rollup`);
  const kilobytes = rollup === undefined ? undefined : /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function listProcesses(): ProcessEntry[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => readProcess(Number(pid))).filter((entry) => entry !== undefined);
}

function readBoot(): string {
  return (readProc('/proc/sys/kernel/random/boot_id') ?? '').trim();
}

// A process may end between two readings: then there is nothing to read, which is an answer.
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
