import { setTimeout as delay } from 'node:timers/promises';
import { readProcess, residentBytes, TICKS_PER_SECOND, treeOf } from './process-table.ts';

export type Usage = { readonly name: string; readonly processes: number; readonly residentBytes: number; readonly cpuPercentOfACore: number };

/** What each process tree holds (PSS, at the end) and how much of one core it took over that time. */
export async function measureUsage(parts: readonly { name: string; pid: number }[], seconds: number): Promise<Usage[]> {
  const before = new Map(parts.map(({ pid }) => [pid, readTree(pid)]));
  const began = performance.now();
  await delay(seconds * 1000);
  const elapsedSeconds = (performance.now() - began) / 1000;
  return parts.map(({ name, pid }) => {
    const after = readTree(pid);
    const ticks = [...after].reduce((sum, [member, cpu]) => sum + cpu - (before.get(pid)?.get(member) ?? 0), 0);
    const resident = [...after.keys()].reduce((sum, member) => sum + residentBytes(member), 0);
    return { name, processes: after.size, residentBytes: resident, cpuPercentOfACore: (ticks / TICKS_PER_SECOND / elapsedSeconds) * 100 };
  });
}

// A child that ended between two readings is in its parent's own sum by then.
function readTree(pid: number): Map<number, number> {
  return new Map(treeOf(pid).flatMap((member) => {
    const entry = readProcess(member);
    return entry === undefined ? [] : [[member, entry.cpuTicks] as const];
  }));
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

function sum(usages: readonly Usage[], pick: (usage: Usage) => number): number {
  return usages.reduce((total, usage) => total + pick(usage), 0);
}
