import { formatLine } from './log-line.ts';

/** The log of one part: what is there, and what comes after that. */
export type LogSource = {
  readonly part: string;
  readonly readPast: (linesMax: number) => Promise<string[]>;
  /** Tells each line that is written after readPast, until the signal aborts or nothing more can come. */
  readonly follow: (tell: (line: string) => void, signal: AbortSignal) => Promise<void>;
};

type Shown = {
  /** Only lines that name this order. */
  readonly order?: string | undefined;
  /** Go on with what comes, until this aborts. */
  readonly follow?: AbortSignal | undefined;
  readonly colors: boolean;
  readonly print: (line: string) => void;
};

const TAIL_LINES = 200;

/** Prints the end of these logs as one, in the order of time: of an order everything that is kept, else the last lines of each. */
export async function showLogs(sources: readonly LogSource[], { order, follow, colors, print }: Shown): Promise<void> {
  const isWanted = (line: string): boolean => order === undefined || line.includes(order);
  const width = sources.length === 1 ? 0 : Math.max(...sources.map(({ part }) => part.length));
  const show = (part: string, line: string): void =>
    print(formatLine(line, { part: part.padEnd(width).slice(0, width), colors }));

  const past = await Promise.all(
    sources.map(async ({ part, readPast }) => {
      const lines = await readPast(order === undefined ? TAIL_LINES : Infinity);
      return withTimes(lines.filter(isWanted)).map((each) => ({ part, ...each }));
    }),
  );
  const lines = past.flat().toSorted((one, other) => one.time.localeCompare(other.time));
  for (const { part, line } of lines) show(part, line);
  if (lines.length === 0) print(`(nothing was logged${order === undefined ? '' : ` of ${order}`})`);
  if (follow === undefined) return;
  await Promise.all(
    sources.map(({ part, follow: followOne }) =>
      followOne((line) => void (isWanted(line) && show(part, line)), follow),
    ),
  );
}

/** A line without a time of its own, like those of a stack trace, belongs to the one before. */
function withTimes(lines: readonly string[]): { line: string; time: string }[] {
  let time = '';
  return lines.map((line) => {
    time = /"time":"([^"]+)"/.exec(line)?.[1] ?? time;
    return { line, time };
  });
}
