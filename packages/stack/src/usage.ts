import { setTimeout as delay } from 'node:timers/promises';
import { readProcess, residentBytes, TICKS_PER_SECOND, treeOf } from './process-table.ts';

export type Measured = {
  readonly parts: readonly { readonly name: string; readonly pid: number }[];
  readonly supervisorPid: number;
};

export type Usage = {
  readonly name: string;
  readonly processes: number;
  readonly residentBytes: number;
  readonly cpuPercentOfACore: number;
};

/** What each process tree holds (PSS, at the end) and how much of one core it took over that time. */
export async function measureUsage({ parts, supervisorPid }: Measured, seconds: number): Promise<Usage[]> {
  const read = (pid: number) => (pid === supervisorPid ? readOne(pid) : readTree(pid));
  const processes = [...parts, { name: 'supervisor', pid: supervisorPid }];
  const before = new Map(processes.map(({ pid }) => [pid, read(pid)]));
  const began = performance.now();
  await delay(seconds * 1000);
  const elapsedSeconds = (performance.now() - began) / 1000;
  return processes.map(({ name, pid }) => {
    const after = read(pid);
    const ticks = after.cpuTicks - (before.get(pid)?.cpuTicks ?? 0);
    return {
      name,
      processes: after.pids.length,
      residentBytes: sum(after.pids, residentBytes),
      cpuPercentOfACore: (ticks / TICKS_PER_SECOND / elapsedSeconds) * 100,
    };
  });
}

/** Processor time of a process and all its children, ended ones too, since they began, in milliseconds. */
export function cpuMsOfTree(pid: number): number {
  return (readTree(pid).cpuTicks / TICKS_PER_SECOND) * 1_000;
}

type Reading = { readonly pids: readonly number[]; readonly cpuTicks: number };

// With the children that have ended, or a database's closing connections would take their time out of the sum.
function readTree(pid: number): Reading {
  const entries = treeOf(pid).flatMap((member) => readProcess(member) ?? []);
  const cpuTicks = sum(entries, ({ ownTicks, endedChildrenTicks }) => ownTicks + endedChildrenTicks);
  return { pids: entries.map((entry) => entry.pid), cpuTicks };
}

// The supervisor is the parent of all parts: its tree would count them twice.
function readOne(pid: number): Reading {
  const entry = readProcess(pid);
  return entry === undefined ? { pids: [], cpuTicks: 0 } : { pids: [pid], cpuTicks: entry.ownTicks };
}

export function formatUsage(usages: readonly Usage[]): string {
  const total: Usage = {
    name: 'all',
    processes: sum(usages, (usage) => usage.processes),
    residentBytes: sum(usages, (usage) => usage.residentBytes),
    cpuPercentOfACore: sum(usages, (usage) => usage.cpuPercentOfACore),
  };
  const line = (usage: Usage) =>
    `${usage.name.padEnd(18)}${String(usage.processes).padStart(9)}${(usage.residentBytes / 1024 ** 2).toFixed(0).padStart(10)}${usage.cpuPercentOfACore.toFixed(1).padStart(13)}`;
  return [`${'part'.padEnd(18)}processes    PSS MB  % of a core`, ...usages.map(line), line(total)].join('\n');
}

function sum<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((total, item) => total + pick(item), 0);
}
