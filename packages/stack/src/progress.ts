import type { PartStatus } from './part.ts';
import type { ShopStatus } from './supervisor.ts';

type Screen = { readonly isTTY?: boolean; readonly columns?: number; write: (text: string) => unknown };

/**
 * Shows a start as it goes: what is up, what each other part is busy with, for how long. On a terminal the lines are redrawn in place; anywhere else
 * a line is written when something changed.
 */
export function progressOn(screen: Screen): { show: (status: ShopStatus) => void; finish: () => void } {
  const began = Date.now();
  return screen.isTTY === true ? redrawn(screen, began) : appended(screen, began);
}

function redrawn(screen: Screen, began: number): { show: (status: ShopStatus) => void; finish: () => void } {
  let height = 0;
  const clear = () => (height > 0 ? screen.write(`\u001B[${height}A\u001B[J`) : undefined);
  return {
    show: (status) => {
      const lines = progressLines(status, Date.now() - began).map((line) =>
        line.slice(0, (screen.columns || COLUMNS_UNKNOWN) - 1),
      );
      clear();
      screen.write(lines.map((line) => `${line}\n`).join(''));
      height = lines.length;
    },
    finish: () => {
      clear();
      height = 0;
    },
  };
}

function appended(screen: Screen, began: number): { show: (status: ShopStatus) => void; finish: () => void } {
  const said = new Map<string, string>();
  return {
    show: (status) => {
      const up = `${countUp(status)}/${status.parts.length}`;
      for (const part of status.parts) {
        // Counters inside a detail would make a line of every step.
        const word = describePart(part);
        const gist = word.replaceAll(/\d+/g, '#');
        if (said.get(part.name) === gist) continue;
        said.set(part.name, gist);
        screen.write(`${seconds(Date.now() - began)}  ${up}  ${part.name}: ${word}\n`);
      }
    },
    finish: () => undefined,
  };
}

const BAR_WIDTH = 30;
// A terminal that does not tell its width, or says 0.
const COLUMNS_UNKNOWN = 80;

/** The picture of a start: a bar, then a line for each part that is not up yet. */
export function progressLines(status: ShopStatus, elapsedMs: number): string[] {
  const total = status.parts.length;
  const up = countUp(status);
  const filled = total === 0 ? 0 : Math.round((up / total) * BAR_WIDTH);
  const head = `  [${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${up} of ${total} parts up  ${seconds(elapsedMs)}`;
  const busy = status.parts.filter((part) => part.state !== 'running');
  return [head, ...busy.map((part) => `  ${part.name.padEnd(16)} ${describePart(part)}`)];
}

function describePart(part: PartStatus): string {
  return part.detail === undefined ? part.state : `${part.state}: ${part.detail.split('\n')[0]}`;
}

function countUp(status: ShopStatus): number {
  return status.parts.filter((part) => part.state === 'running').length;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(5)} s`;
}
