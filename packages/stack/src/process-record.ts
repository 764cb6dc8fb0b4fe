import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  identify,
  isAlive,
  type ProcessIdentity,
  readProcess,
  signalProcess,
  signalTree,
  treeOf,
} from './process-table.ts';
import { StackProblem } from './stack-problem.ts';

/** Writes down which process a part is, so that a later run can find it should the supervisor be killed. */
export function recordProcess(home: string, part: string, pid: number): void {
  const identity = identify(pid);
  if (identity !== undefined) writeFileSync(recordFile(home, part), JSON.stringify(identity));
}

export function forgetProcess(home: string, part: string): void {
  rmSync(recordFile(home, part), { force: true });
}

const ASKED_TO_END_WITHIN_MS = 10_000;
const KILLED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** The parts that a killed supervisor left running. While a supervisor runs, its own parts are among them. */
export function findLeftovers(home: string): string[] {
  return recordedParts(home).filter((part) => {
    const identity = readRecord(home, part);
    return identity !== undefined && isAlive(identity);
  });
}

/** Ends what a killed supervisor left running, and nothing else: only processes whose id and start time were written down. Tells their names. */
export async function endLeftovers(home: string): Promise<string[]> {
  const names = recordedParts(home);
  const left = await Promise.all(names.map(async (name) => ((await endLeftover(home, name)) ? name : undefined)));
  return left.filter((name) => name !== undefined);
}

async function endLeftover(home: string, part: string): Promise<boolean> {
  const identity = readRecord(home, part);
  if (identity === undefined || !isAlive(identity)) {
    forgetProcess(home, part);
    return false;
  }
  const tree = treeOf(identity.pid).flatMap((pid) => identify(pid) ?? []);
  signalTree(identity.pid, 'SIGCONT');
  signalProcess(identity.pid, part.endsWith('-db') ? 'SIGINT' : 'SIGTERM');
  const deadline = Date.now() + ASKED_TO_END_WITHIN_MS;
  while (tree.some(isAlive)) {
    if (Date.now() > deadline + KILLED_WITHIN_MS) {
      const message = `${part} (process ${identity.pid}), left by a killed run, does not end though it was killed. The machine may need a restart.`;
      throw new StackProblem('leftover_stays', message);
    }
    if (Date.now() > deadline) for (const member of tree) if (isAlive(member)) signalProcess(member.pid, 'SIGKILL');
    await delay(LOOK_EVERY_MS);
  }
  forgetProcess(home, part);
  return true;
}

function recordedParts(home: string): string[] {
  const folder = join(home, 'run');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

function readRecord(home: string, part: string): ProcessIdentity | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(recordFile(home, part), 'utf8'));
    return isIdentity(record) && readProcess(record.pid) !== undefined ? record : undefined;
  } catch {
    // Cut short by the crash that left it: the process it meant cannot be told from any other, so it is not touched.
    return undefined;
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    'startTicks' in value &&
    'boot' in value &&
    typeof value.pid === 'number'
  );
}

function recordFile(home: string, part: string): string {
  return join(home, 'run', `${part}.json`);
}
